"""The line in front of the model: order, bounds, people who leave, and an end that never hangs."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Iterator

import pytest

from model.errors import InputError
from server.models.batcher import Batcher, Shared
from server.web.errors import ClientGone


@pytest.fixture
def batcher() -> Iterator[Batcher]:
    batcher = Batcher(capacity=2)
    batcher.start()
    yield batcher
    assert batcher.close(timeout=5)


def test_work_runs_on_one_other_thread_in_order(batcher: Batcher) -> None:
    async def main() -> list[tuple[int, int | None]]:
        async with batcher.turn() as turn:
            return await asyncio.gather(*(turn.run(lambda i=i: (i, threading.get_ident())) for i in range(20)))

    rows = asyncio.run(main())
    assert [i for i, _ in rows] == list(range(20))
    assert {thread for _, thread in rows} != {threading.get_ident()}
    assert len({thread for _, thread in rows}) == 1


def test_a_turn_measures_waiting_and_working(batcher: Batcher) -> None:
    async def main() -> tuple[float, float]:
        async with batcher.turn() as turn:
            await asyncio.gather(turn.run(time.sleep, 0.05), turn.run(time.sleep, 0.05))
            return turn.waited, turn.worked

    waited, worked = asyncio.run(main())
    assert worked >= 0.1
    assert 0.04 <= waited < 1


def test_one_request_too_many_is_refused_and_the_next_is_not(batcher: Batcher) -> None:
    async def main() -> InputError:
        async with batcher.turn(), batcher.turn():
            with pytest.raises(InputError, match="2 requests already wait") as caught:
                async with batcher.turn():
                    raise AssertionError("there was no place")
        async with batcher.turn() as turn:
            assert await turn.run(lambda: 7) == 7
        return caught.value

    error = asyncio.run(main())
    assert (error.code, error.allowed) == ("busy", 2)
    assert batcher.turns == 0


def test_an_error_reaches_its_request_and_the_thread_goes_on(batcher: Batcher) -> None:
    def fail() -> None:
        raise InputError("no", code="no_encoder")

    async def main() -> int:
        async with batcher.turn() as turn:
            with pytest.raises(InputError, match="no"):
                await turn.run(fail)
            return await turn.run(lambda: 3)

    assert asyncio.run(main()) == 3


def test_work_of_a_client_that_left_is_skipped(batcher: Batcher) -> None:
    done: list[str] = []

    async def main() -> None:
        leaves = asyncio.Event()
        held = threading.Event()

        async def gone() -> None:
            await leaves.wait()

        async def other() -> None:
            async with batcher.turn(gone) as turn:
                await turn.run(done.append, "left")

        async with batcher.turn() as turn:
            first = asyncio.ensure_future(turn.run(held.wait, 5))
            waiting = asyncio.ensure_future(other())
            await asyncio.sleep(0.02)
            leaves.set()
            with pytest.raises(ClientGone):
                await waiting
            held.set()
            await first
            await turn.run(done.append, "stayed")

    asyncio.run(main())
    assert done == ["stayed"]


def test_closing_drops_what_waits_and_refuses_what_comes() -> None:
    batcher = Batcher(capacity=4)
    batcher.start()

    async def main() -> None:
        held = threading.Event()
        async with batcher.turn() as turn, batcher.turn() as other:
            running = asyncio.ensure_future(turn.run(held.wait, 5))
            waiting = asyncio.ensure_future(other.run(lambda: 1))
            await asyncio.sleep(0.02)
            closing = asyncio.ensure_future(asyncio.to_thread(batcher.close, 5))
            while not batcher._closing:
                await asyncio.sleep(0.001)
            held.set()
            assert await closing
            assert await running is True
            for refused in (waiting, turn.run(lambda: 1)):
                with pytest.raises(InputError, match="stopping") as caught:
                    await refused
                assert caught.value.code == "busy"

    asyncio.run(main())


def test_closing_does_not_wait_for_work_that_never_ends() -> None:
    batcher = Batcher(capacity=1)
    batcher.start()
    begun, held = threading.Event(), threading.Event()

    def work() -> bool:
        begun.set()
        return held.wait(30)

    piece = batcher.submit(work)
    assert begun.wait(5)
    started = time.perf_counter()
    assert not batcher.close(timeout=0.1)
    assert time.perf_counter() - started < 2
    held.set()
    assert piece.future.result(timeout=5) is True


def test_closing_without_a_start_is_fine() -> None:
    assert Batcher(capacity=1).close(timeout=1)


def test_memory_of_finished_work_is_let_go(batcher: Batcher) -> None:
    class Big:
        pass

    big = Big()
    seen = weakref.ref(big)

    async def main() -> None:
        nonlocal big
        async with batcher.turn() as turn:
            await turn.run(lambda held: None, big)
        del big

    asyncio.run(main())
    gc.collect()
    time.sleep(0.05)
    assert seen() is None


# Work done together


def share_behind(batcher: Batcher, works: list[Shared]) -> list[object]:
    """The results of works that lined up while the thread was busy; exceptions as results."""
    held = threading.Event()

    async def main() -> list[object]:
        async with batcher.turn() as turn:
            first = asyncio.ensure_future(turn.run(held.wait, 5))
            waiting = [asyncio.ensure_future(turn.share(work)) for work in works]
            await asyncio.sleep(0.02)
            held.set()
            await first
            return await asyncio.gather(*waiting, return_exceptions=True)

    return asyncio.run(main())


def doubled(calls: list[list[int]], key: str, item: int, size: int = 1, room: int = 4) -> Shared:
    def work(items: list[int]) -> list[int]:
        calls.append(items)
        if len(items) > 1 and 13 in items:
            raise ValueError("one of them is 13")
        if items == [13]:
            raise ValueError("13")
        return [2 * each for each in items]

    return Shared(key, work, lambda: room, item, size)


def test_equal_work_that_waits_is_done_in_one_call_as_far_as_there_is_room(batcher: Batcher) -> None:
    calls: list[list[int]] = []
    works = [doubled(calls, "ab"[i % 2], i) for i in range(12)]
    assert share_behind(batcher, works) == [2 * i for i in range(12)]
    assert calls == [[0, 2, 4, 6], [1, 3, 5, 7], [8, 10], [9, 11]]


def test_sizes_count_and_what_does_not_fit_waits_for_the_next_call(batcher: Batcher) -> None:
    calls: list[list[int]] = []
    works = [doubled(calls, "a", i, size) for i, size in enumerate((2, 3, 2, 8, 1))]
    assert share_behind(batcher, works) == [0, 2, 4, 6, 8]
    assert calls == [[0, 2], [1, 4], [3]]


def test_without_room_each_is_done_alone(batcher: Batcher) -> None:
    calls: list[list[int]] = []
    assert share_behind(batcher, [doubled(calls, "a", i, room=1) for i in range(3)]) == [0, 2, 4]
    assert calls == [[0], [1], [2]]


def test_an_error_in_shared_work_is_its_own_requests_alone(batcher: Batcher) -> None:
    calls: list[list[int]] = []
    first, error, last = share_behind(batcher, [doubled(calls, "a", i) for i in (1, 13, 2)])
    assert (first, str(error), last) == (2, "13", 4)
    assert calls == [[1, 13, 2], [1], [13], [2]]
