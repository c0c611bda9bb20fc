"""Threads that take turns: a client with many requests waits behind its own, and others do not."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butt.limits.table import CLIENT_WAITING, WAITING, Limit
from butt.serving.clients import Client
from butt.serving.pool import ClientGone, FairPool, Full, Share
from tests.sources.conftest import settings_of

__all__ = ["settings_of"]

EACH = Limit("test-each", 2, "requests", "For tests.")
ADDRESS = Limit("test-address", 3, "requests", "For tests.")
MANY = Limit("test-many", 1000, "requests", "For tests.")
ALICE, BOB, CAROL = Client("a", 1), Client("b", 2), Client("a", 3)


class Gate:
    """Work that continues until it is told to end."""

    def __init__(self) -> None:
        self.began = list[str]()
        self._open = threading.Semaphore(0)
        self._news = threading.Condition()

    def work(self, name: str) -> Callable[[], str]:
        def work() -> str:
            with self._news:
                self.began.append(name)
                self._news.notify_all()
            self._open.acquire()
            return name

        return work

    def opens(self, times: int = 1) -> None:
        self._open.release(times)

    async def has_begun(self, count: int) -> list[str]:
        def wait() -> list[str]:
            with self._news:
                assert self._news.wait_for(lambda: len(self.began) >= count, 20), self.began
                return list(self.began)

        return await asyncio.to_thread(wait)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opens(1000)


async def test_a_client_with_many_requests_leaves_threads_to_others(gate: Gate):
    pool = FairPool("test", 5, EACH, ADDRESS)
    alices = [asyncio.create_task(pool.run(ALICE, gate.work(f"alice {n}"))) for n in range(10)]
    await gate.has_begun(2)
    bob = asyncio.create_task(pool.run(BOB, gate.work("bob")))
    carol = asyncio.create_task(pool.run(CAROL, gate.work("carol")))
    assert sorted(await gate.has_begun(4)) == ["alice 0", "alice 1", "bob", "carol"]
    gate.opens(4)
    for n in range(2, 10, 2):
        begun = await gate.has_begun(n + 4)
        # The gate lets any of those through that wait at it, so one more may have begun.
        assert {f"alice {m}" for m in range(n + 2)} <= {*begun}, "and gets on where it waited"
        gate.opens(2)
    await asyncio.gather(*alices, bob, carol)


async def test_one_address_with_many_cookies_leaves_threads_to_others(gate: Gate):
    pool = FairPool("test", 5, EACH, ADDRESS)
    forged = [asyncio.create_task(pool.run(Client("a", n), gate.work("a"))) for n in range(20)]
    await gate.has_begun(3)
    bob = asyncio.create_task(pool.run(BOB, gate.work("bob")))
    assert sorted(await gate.has_begun(4)) == ["a", "a", "a", "bob"]
    gate.opens(100)
    await asyncio.gather(*forged, bob)


async def test_all_pools_together_bound_one_address(gate: Gate):
    share, others = Share(ADDRESS), Gate()
    pools = [FairPool(name, 5, MANY, MANY, share) for name in ("page", "slow", "reading")]
    rounds = [(n, pool) for _ in range(4) for n, pool in enumerate(pools)]
    alices = [asyncio.create_task(pool.run(ALICE, gate.work(f"{n}"))) for n, pool in rounds]
    assert sorted(await gate.has_begun(3)) == ["0", "1", "2"]
    bobs = [asyncio.create_task(pool.run(BOB, others.work("bob"))) for pool in pools]
    await others.has_begun(3)
    assert len(gate.began) == 3, "Bob waits for nobody, and Alice for herself"
    for done in range(1, 10):
        gate.opens()
        await gate.has_begun(3 + done)
    assert gate.began[3:] == ["0", "1", "2"] * 3
    gate.opens(3)
    others.opens(3)
    await asyncio.gather(*alices, *bobs)


async def test_networks_take_turns_and_so_do_clients_within_them(gate: Gate):
    pool = FairPool("test", 1, MANY, MANY)
    tasks = [asyncio.create_task(pool.run(BOB, gate.work("first")))]
    await gate.has_begun(1)
    for who, name in ((ALICE, "alice"), (CAROL, "carol"), (BOB, "bob")):
        tasks += [asyncio.create_task(pool.run(who, gate.work(name))) for _ in range(3)]
        await asyncio.sleep(0)
    gate.opens(100)
    await asyncio.gather(*tasks)
    assert gate.began[1:7] == ["alice", "bob", "carol", "bob", "alice", "bob"]


async def test_a_crowd_of_strangers_leaves_threads_and_turns_to_known_clients(gate: Gate):
    pool = FairPool("test", 4, MANY, MANY)
    crowd = [asyncio.create_task(pool.run(Client(f"{n}", 0), gate.work("stranger"))) for n in range(50)]
    await gate.has_begun(3)
    people = [
        asyncio.create_task(pool.run(Client(f"home {n}", n, is_known=True), gate.work("known")))
        for n in range(4)
    ]
    assert await gate.has_begun(4) == ["stranger", "stranger", "stranger", "known"]
    for done in range(1, 7):
        gate.opens()
        await gate.has_begun(4 + done)
    assert gate.began[:10].count("known") == 4
    assert gate.began[4:10].count("stranger") == 3, "who waits without end is no better"
    gate.opens(100)
    await asyncio.gather(*crowd, *people)


async def test_strangers_are_refused_before_known_clients(gate: Gate, settings_of: Callable[..., None]):
    settings_of(limits="waiting=2")
    pool = FairPool("test", 1, MANY, MANY)
    known = Client("home", 1, is_known=True)
    first = asyncio.create_task(pool.run(known, gate.work("first")))
    await gate.has_begun(1)
    stranger = asyncio.create_task(pool.run(BOB, gate.work("stranger")))
    await asyncio.sleep(0)
    people = [asyncio.create_task(pool.run(known, gate.work("known"))) for _ in range(2)]
    with pytest.raises(Full):
        await stranger
    gate.opens(100)
    assert await asyncio.gather(first, *people) == ["first", "known", "known"]


async def test_a_full_queue_refuses_the_client_with_most_requests_at_once(
    gate: Gate, settings_of: Callable[..., None]
):
    settings_of(limits="client-waiting=3 waiting=4")
    pool = FairPool("test", 1, MANY, MANY)
    first = asyncio.create_task(pool.run(ALICE, gate.work("first")))
    await gate.has_begun(1)
    waiting = [asyncio.create_task(pool.run(ALICE, gate.work("alice"))) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Full) as full:
        await pool.run(ALICE, gate.work("alice"))
    assert full.value.limit is CLIENT_WAITING
    waiting += [asyncio.create_task(pool.run(who, gate.work("other"))) for who in (BOB, CAROL)]
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    (refused,) = done
    assert refused in waiting[:3]
    with pytest.raises(Full) as full:
        await refused
    assert full.value.limit is WAITING
    gate.opens(100)
    answers = await asyncio.gather(first, *(task for task in waiting if task is not refused))
    assert sorted(answers) == ["alice", "alice", "first", "other", "other"]


async def test_requests_of_clients_that_left_are_dropped(gate: Gate):
    pool = FairPool("test", 1, MANY, MANY)
    first = asyncio.create_task(pool.run(ALICE, gate.work("first")))
    await gate.has_begun(1)
    gone = asyncio.create_task(pool.run(BOB, gate.work("gone"), lambda: True))
    cut = asyncio.create_task(pool.run(BOB, gate.work("cut")))
    await asyncio.sleep(0)
    cut.cancel()
    gate.opens(100)
    with pytest.raises(ClientGone):
        await gone
    with pytest.raises(asyncio.CancelledError):
        await cut
    assert await first == "first"
    assert await pool.run(BOB, gate.work("next")) == "next"
    assert gate.began == ["first", "next"]


@given(
    asked=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.booleans(), st.booleans()), max_size=60
    ),
    threads=st.integers(1, 5),
)
def test_every_request_is_served_within_the_bounds(asked: list[tuple[str, int, bool, bool]], threads: int):
    async def run() -> None:
        pool = FairPool("test", threads, EACH, ADDRESS)
        at_work, lock, most = dict.fromkeys("abc", 0), threading.Lock(), list[int]()

        def work(network: str) -> None:
            with lock:
                at_work[network] += 1
                most.append(at_work[network])
            with lock:
                at_work[network] -= 1

        tasks = [
            (
                asyncio.create_task(
                    pool.run(Client(network, number, known), lambda network=network: work(network))
                ),
                cut,
            )
            for network, number, known, cut in asked
        ]
        await asyncio.sleep(0)
        for task, cut in tasks:
            if cut:
                task.cancel()
        await asyncio.gather(*(task for task, _ in tasks), return_exceptions=True)
        assert all(not cut or task.cancelled() or task.exception() is None for task, cut in tasks)
        assert max(most, default=0) <= ADDRESS.default
        await pool.run(ALICE, lambda: None)

    asyncio.run(run())
