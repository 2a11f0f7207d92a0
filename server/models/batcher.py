"""The line of requests in front of the one thread that owns the models.

A request first takes a *turn*: there are ``capacity`` of them, and one more request is refused at once. With its turn
it hands the thread pieces of work, one at a time and in the order of arrival, so that a long request (an animation)
lets others in between its pieces. A request whose client has gone leaves the line at its next piece. Where a pass of
the network has room for more, pieces of ``Shared`` work that wait further back are done in the same call.
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
from server.web.errors import ClientGone, stopping

T = TypeVar("T")


@dataclass(frozen=True)
class Shared:
    """Work that can be done in one call for all pieces of an equal ``key``, each with an item of its own."""

    key: Hashable
    work: Callable[[list[Any]], list[Any]]  # items → the result of each
    room: Callable[[], int]  # the sum of sizes that one call can take; called on the model's thread
    item: Any
    size: int  # pictures that the item asks for


@dataclass
class Piece:
    """Work for the model's thread, the future of its result, and its times."""

    work: Callable[[], Any] | Shared
    future: Future[Any]
    queued: float  # ``time.perf_counter()`` at which it entered the line
    waited: float = 0.0  # seconds in the line
    worked: float = 0.0  # seconds in the model


class Batcher:
    """A bounded line in front of one worker thread. Call ``start`` before its use and ``close`` at the end."""

    def __init__(self, capacity: int, observe: Callable[[float], None] = lambda seconds: None) -> None:
        """``capacity`` requests may have a turn at once; ``observe`` is called with the seconds of each piece."""
        self.capacity = capacity
        self.turns = 0
        self._observe = observe
        self._pieces: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
        self._seen: deque[Piece | None] = deque()  # taken from the queue and not done yet; only the worker uses it
        self._lock = threading.Lock()  # no piece enters the line behind the None that ends it
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)

    def start(self) -> None:
        """Start the worker thread."""
        self._thread.start()

    def close(self, timeout: float) -> bool:
        """Cancel all pieces that wait and let the running one end.

        Returns whether the thread ended within ``timeout`` seconds.
        """
        with self._lock:
            self._closing = True
            self._pieces.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @asynccontextmanager
    async def turn(self, gone: Callable[[], Awaitable[None]] | None = None) -> AsyncIterator[Turn]:
        """A place in the line within the ``async with`` block; ``gone`` returns when the client has left.

        Raises InputError "busy" where all places are taken.
        """
        if self.turns >= self.capacity:
            raise InputError(
                f"{self.turns} requests already wait for the model, and no more may; try again in a moment.",
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
        """Put ``work`` in the line. Raises InputError "busy" where the server is stopping."""
        piece = Piece(work, Future(), time.perf_counter())
        with self._lock:
            if self._closing:
                raise stopping()
            self._pieces.put(piece)
        return piece

    def _work(self) -> None:
        while self._step():
            pass

    def _step(self) -> bool:
        """Do one piece; False at the end of the line.

        It is a function of its own so that the worker, while it waits for the next piece, keeps none of the last one's
        arrays alive.
        """
        piece = self._seen.popleft() if self._seen else self._pieces.get()
        if piece is None:
            return False
        if self._closing:
            piece.future.cancel()
        elif piece.future.set_running_or_notify_cancel():
            self._do([piece, *self._companions(piece)])
        return True

    def _companions(self, first: Piece) -> list[Piece]:
        """The waiting pieces, taken out of the line in its order, that fit into one call with ``first``."""
        if not isinstance(first.work, Shared):
            return []
        try:
            room = first.work.room() - first.work.size
        except Exception:  # the same error comes again from the work itself, and is reported there
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
        except BaseException as caught:  # no request may end the thread
            error = caught
        seconds = time.perf_counter() - started
        if error is not None and len(pieces) > 1:  # each alone: only the piece at fault fails
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
    """The result of each piece: of one by itself, or of several of shared work in one call."""
    work = pieces[0].work
    if not isinstance(work, Shared):
        return [work()]
    return work.work([piece.work.item for piece in pieces])  # type: ignore[union-attr]


class Turn:
    """One request's place in the line. ``waited`` and ``worked`` are its seconds in the line and in the model."""

    def __init__(self, batcher: Batcher, watch: asyncio.Future[None] | None) -> None:
        self._batcher, self._watch = batcher, watch
        self.waited = self.worked = 0.0

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """``work(*args)``, called on the model's thread. Raises what it raises, and ClientGone."""
        result: T = await self._result(self._batcher.submit(lambda: work(*args)))
        return result

    async def share(self, work: Shared) -> Any:
        """The result for ``work``'s item, made in one call with others' where there is room; raises as ``run`` does."""
        return await self._result(self._batcher.submit(work))

    async def _result(self, piece: Piece) -> Any:
        result = asyncio.wrap_future(piece.future)
        try:
            await asyncio.wait([result, *([self._watch] if self._watch else [])], return_when=asyncio.FIRST_COMPLETED)
            if self._watch and self._watch.done():
                raise ClientGone
            if result.cancelled():
                raise stopping()
            return await result
        finally:
            result.cancel()
            self.waited += piece.waited
            self.worked += piece.worked
