/**
 * The line to one model on the server: a WebSocket, and POST where WebSockets do not get through. It has one request in
 * flight; what was answered last is the base that the next one is told against.
 */
import { request, unpack } from "../formats/frames.js";
import { encodeIndexPng } from "../formats/png.js";
import * as api from "./api.js";

const OPENING = 4000; // ms that a socket may take to open
const SILENCE = 10_000; // ms without an answer after which the server is asked whether it is there, and then given up
const BLOCKED = 60_000; // ms for which POST is used once a socket could not be had from a server that answers
const NORMAL = 1000; // the code of a socket that was closed because nobody painted

export class Line {
  #socket = null;
  #model = null;
  #base = null; // {seq, map} as the server has it
  #seq = 0;
  #flight = null; // {seq, resolve, reject}: what is waited for
  #blockedUntil = 0;
  #opening = null;
  #timer = null;

  /** `onLost()` is called when the line breaks while nothing is in flight. */
  constructor({ onLost }) {
    this.onLost = onLost;
  }

  /** "socket" or "post": how the last picture came, or would come. */
  get route() {
    return this.#socket ? "socket" : "post";
  }

  /**
   * A picture of the map: {bytes, type, exact}. Drafts are JPEG, exact ones PNG with their recipe. Raises ApiError,
   * OfflineError.
   */
  async picture(model, map, { style, exact, palette }) {
    const socket = await this.#reach(model);
    if (socket) return this.#ask(socket, map, style, exact);
    const bytes = await api.renderPng(model, await encodeIndexPng(map, palette), { style });
    this.#blockedUntil = performance.now() + BLOCKED;
    return { bytes, type: "image/png", exact: true };
  }

  /** Raises OfflineError unless the server can be reached in one way or another. */
  async touch(model) {
    if (!(await this.#reach(model))) await api.health();
  }

  close() {
    this.#drop(new api.OfflineError());
  }

  /** An open socket, or null where there is none to be had. */
  async #reach(model) {
    if (this.#socket && this.#model !== model) this.close();
    if (this.#socket) return this.#socket;
    if (performance.now() < this.#blockedUntil) return null;
    this.#opening ??= this.#open(model).finally(() => (this.#opening = null));
    return this.#opening;
  }

  async #open(model) {
    const socket = await opened(api.liveAddress(model)).catch(() => null);
    if (!socket) return null;
    [this.#socket, this.#model, this.#base, this.#seq] = [socket, model, null, 0];
    socket.addEventListener("message", ({ data }) => this.#heard(data));
    socket.addEventListener("close", ({ code }) => this.#closed(socket, code));
    return socket;
  }

  async #ask(socket, map, style, exact) {
    const seq = (this.#seq += 1);
    const message = await request(map, this.#base, { seq, style, exact });
    if (socket !== this.#socket) throw new api.OfflineError(); // it broke meanwhile
    try {
      const answer = await new Promise((resolve, reject) => {
        this.#flight = { seq, resolve, reject };
        socket.send(message);
        this.#listen();
      });
      this.#base = { seq, map };
      return answer;
    } catch (error) {
      const known = this.#base;
      this.#base = null; // whether the map arrived is not known: the next one is sent whole
      if (error.code === "unknown_base" && known && socket === this.#socket)
        return await this.#ask(socket, map, style, exact);
      throw error;
    } finally {
      this.#flight = null;
      clearTimeout(this.#timer);
    }
  }

  /** While an answer is waited for: ask whether somebody is there, then give up. */
  #listen() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#socket?.send(JSON.stringify({ ping: this.#seq }));
      this.#timer = setTimeout(() => this.close(), SILENCE);
    }, SILENCE);
  }

  #heard(data) {
    const { header, payload } = typeof data === "string" ? { header: JSON.parse(data) } : unpack(data);
    const flight = this.#flight;
    if (!flight) return;
    if ("pong" in header) this.#listen();
    else if (header.error && (header.seq === null || header.seq === flight.seq))
      flight.reject(new api.ApiError(header.status, header.error, header.retry_after ?? null));
    else if (header.seq === flight.seq) flight.resolve({ bytes: payload, type: header.picture, exact: header.exact });
  }

  #closed(socket, code) {
    if (socket !== this.#socket) return;
    const idle = !this.#flight;
    this.#drop(new api.OfflineError());
    if (idle && code !== NORMAL) this.onLost();
  }

  #drop(error) {
    const socket = this.#socket;
    this.#socket = null;
    this.#base = null;
    this.#flight?.reject(error);
    socket?.close();
  }
}

/** A socket once it is open; rejects when it fails or takes too long. */
function opened(address) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    const fail = () => {
      clearTimeout(late);
      reject(new api.OfflineError());
      socket.close();
    };
    const late = setTimeout(fail, OPENING);
    socket.addEventListener("error", fail, { once: true });
    socket.addEventListener(
      "open",
      () => {
        clearTimeout(late);
        resolve(socket);
      },
      { once: true },
    );
  });
}
