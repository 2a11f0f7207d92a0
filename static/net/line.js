/**
 * The line to one model on the server: a WebSocket, or POST where WebSockets do not get through. It has one request in
 * flight. The label map of the last answer is the base of the next request, which sends only what differs from it.
 */
import { request, unpack } from "../formats/frames.js";
import { encodeIndexPng } from "../formats/png.js";
import * as api from "./api.js";

const OPENING = 4000; // ms that a socket may take to open
const SILENCE = 10_000; // ms without an answer until the server is pinged, and then until it is given up
const BLOCKED = 60_000; // ms for which POST is used after no socket could be opened to a server that answers
const NORMAL = 1000; // code with which the server closes a socket that nobody has used for long

export class Line {
  #socket = null;
  #model = null;
  #base = null; // {seq, map} as the server has it
  #seq = 0;
  #flight = null; // {seq, resolve, reject}: the request whose answer is waited for
  #blockedUntil = 0; // time, as performance.now() gives it, until which no socket is tried
  #opening = null; // promise of the socket that is being opened
  #timer = null;

  /** `onLost()` is called when the socket breaks while no request is in flight. */
  constructor({ onLost }) {
    this.onLost = onLost;
  }

  /** "socket" or "post": the way that a picture would take now. */
  get route() {
    return this.#socket ? "socket" : "post";
  }

  /**
   * A picture of the map: {bytes, type, exact}, `type` being its media type. Drafts are JPEG; exact pictures are PNG
   * and carry their recipe. Raises ApiError or OfflineError.
   */
  async picture(model, map, { style, exact, palette }) {
    const socket = await this.#reach(model);
    if (socket) return this.#ask(socket, map, style, exact);
    const bytes = await api.renderPng(model, await encodeIndexPng(map, palette), { style });
    this.#blockedUntil = performance.now() + BLOCKED;
    return { bytes, type: "image/png", exact: true };
  }

  /** Resolves if the server can be reached by socket or by POST, raises OfflineError if not. */
  async touch(model) {
    if (!(await this.#reach(model))) await api.health();
  }

  close() {
    this.#drop(new api.OfflineError());
  }

  /** An open socket, or null if none can be opened. */
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
    if (socket !== this.#socket) throw new api.OfflineError(); // this socket broke in the meantime
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
      this.#base = null; // the server may not have the map: the next one is sent whole
      if (error.code === "unknown_base" && known && socket === this.#socket)
        return await this.#ask(socket, map, style, exact);
      throw error;
    } finally {
      this.#flight = null;
      clearTimeout(this.#timer);
    }
  }

  /** While an answer is waited for: after a silence ping the server, after another one give it up. */
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

/** Resolves to a socket once it is open; rejects if it fails or takes too long. */
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
