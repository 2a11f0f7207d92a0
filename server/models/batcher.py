"""One thread owns the models; requests take turns in front of it.

A request first takes a *turn*: there are ``capacity`` of them, and one more request is refused at once. With its turn
it hands the thread pieces of work, one at a time and in the order of arrival, so that a long request (an animation)
lets others in between its pieces. A request whose client has gone leaves the line at its next piece. Pieces that say
so are done together with their like that wait behind them: where a pass of the network has room for more.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from model.errors import InputError
from server.web.errors import ClientGone

T = TypeVar("T")


@dataclass(frozen=True)
class Shared:
    """Work that pieces of equal ``key`` can do in one call, each with an item of its own."""

    key: Hashable
    work: Callable[[list[Any]], list[Any]]  # items → the result of each
    room: Callable[[], int]  # for how much a call has room, in the unit of ``size``; asked on the model's thread
    item: Any
    size: int


@dataclass
class Piece:
    """Work for the model's thread, and where its result goes."""

    work: Callable[[], Any] | Shared
    future: Future[Any]
    queued: float
    waited: float = 0.0
    worked: float = 0.0


class Batcher:
    """Bounded line in front of one worker thread. ``start`` before use, ``close`` at the end."""

    def __init__(self, capacity: int, observe: Callable[[float], None] = lambda seconds: None) -> None:
        self.capacity = capacity
        self.turns = 0
        self._observe = observe
        self._pieces: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
        self._seen: deque[Piece | None] = deque()  # out of the queue and not done; the worker's own
        self._lock = threading.Lock()  # nothing enters the line after its end marker
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)

    def start(self) -> None:
        """Start the worker thread."""
        self._thread.start()

    def close(self, timeout: float) -> bool:
        """Drop what waits, let the running piece end; True when the thread ended within ``timeout`` seconds."""
        with self._lock:
            self._closing = True
            self._pieces.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @asynccontextmanager
    async def turn(self, gone: Callable[[], Awaitable[None]] | None = None) -> AsyncIterator[Turn]:
        """A place in the line; ``gone`` returns when the client has left.

        Raises InputError "busy" when all places are taken.
        """
        if self.turns >= self.capacity:
            raise InputError(
                f"{self.turns} requests already wait for the model, as many as may; try again in a moment",
                code="busy",
                value=self.turns,
                allowed=self.capacity,
            )
        self.turns += 1
        watch = asyncio.ensure_future(gone()) if gone else None
        try:
            yield Turn(self, watch)
        finally:
            self.turns -= 1
            if watch:
                watch.cancel()

    def submit(self, work: Callable[[], Any] | Shared) -> Piece:
        """Put ``work`` in the line. Raises InputError "busy" when the server is stopping."""
        piece = Piece(work, Future(), time.perf_counter())
        with self._lock:
            if self._closing:
                raise InputError("the server is stopping", code="busy")
            self._pieces.put(piece)
        return piece

    def _work(self) -> None:
        while self._step():
            pass

    def _step(self) -> bool:
        """One piece; False at the end of the line. A function of its own so that no piece outlives its turn."""
        piece = self._seen.popleft() if self._seen else self._pieces.get()
        if piece is None:
            return False
        if self._closing:
            piece.future.cancel()
        elif piece.future.set_running_or_notify_cancel():
            self._do([piece, *self._companions(piece)])
        return True

    def _companions(self, first: Piece) -> list[Piece]:
        """Out of the line, in its order: what fits into one call with ``first``."""
        if not isinstance(first.work, Shared):
            return []
        try:
            room = first.work.room() - first.work.size
        except Exception:  # the work itself will say what is wrong
            return []
        while room > 0 and not self._pieces.empty():
            self._seen.append(self._pieces.get())
        taken = []
        for piece in list(self._seen):
            fits = piece and isinstance(piece.work, Shared) and piece.work.key == first.work.key
            if piece and fits and piece.work.size <= room:  # type: ignore[union-attr]
                self._seen.remove(piece)
                if piece.future.set_running_or_notify_cancel():
                    room -= piece.work.size  # type: ignore[union-attr]
                    taken.append(piece)
        return taken

    def _do(self, pieces: list[Piece]) -> None:
        started = time.perf_counter()
        results: list[Any] = []
        try:
            results, error = _results(pieces), None
        except BaseException as caught:  # the thread outlives whatever one request does
            error = caught
        seconds = time.perf_counter() - started
        if error is not None and len(pieces) > 1:  # whose it is shows when each is alone
            for piece in pieces:
                self._do([piece])
            return
        self._observe(seconds)
        for i, piece in enumerate(pieces):
            piece.waited, piece.worked = started - piece.queued, seconds
            if error is None:
                piece.future.set_result(results[i])
            else:
                piece.future.set_exception(error)


def _results(pieces: list[Piece]) -> list[Any]:
    work = pieces[0].work
    if not isinstance(work, Shared):
        return [work()]
    return work.work([piece.work.item for piece in pieces])  # type: ignore[union-attr]


class Turn:
    """One request's place in the line, and the seconds that it waited and that the model worked for it."""

    def __init__(self, batcher: Batcher, watch: asyncio.Future[None] | None) -> None:
        self._batcher, self._watch = batcher, watch
        self.waited = self.worked = 0.0

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """``work(*args)`` on the model's thread. Raises what it raises, and ClientGone."""
        return await self._result(self._batcher.submit(lambda: work(*args)))

    async def share(self, work: Shared) -> Any:
        """The result of ``work``'s item, made in one call with others' where there is room; raises as ``run`` does."""
        return await self._result(self._batcher.submit(work))

    async def _result(self, piece: Piece) -> Any:
        result = asyncio.wrap_future(piece.future)
        try:
            await asyncio.wait([result, *([self._watch] if self._watch else [])], return_when=asyncio.FIRST_COMPLETED)
            if self._watch and self._watch.done():
                raise ClientGone
            if result.cancelled():
                raise InputError("the server is stopping", code="busy")
            return await result
        finally:
            result.cancel()
            self.waited += piece.waited
            self.worked += piece.worked
