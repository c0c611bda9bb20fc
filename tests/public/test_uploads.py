"""A body as it arrives: collected ahead of whoever reads it, within a bound."""

import asyncio
from typing import Any

import pytest

from butt.agents.actions import Refused
from butt.public.uploads import AT_ONCE, LARGE, Incoming

PIECE = 64 * 1024


class Sender:
    """Sends pieces as fast as they are taken; `last` says what comes after them."""

    def __init__(self, pieces: int, last: dict[str, Any]) -> None:
        self._pieces, self._last = pieces, last
        self.sent = 0

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        if self.sent == self._pieces:
            return self._last
        self.sent += 1
        return {"type": "http.request", "body": bytes([self.sent % 256]) * PIECE, "more_body": True}

    def incoming(self) -> Incoming:
        return Incoming(self.receive, asyncio.get_running_loop(), self._pieces * PIECE)


END = {"type": "http.request", "body": b"", "more_body": False}
GONE = {"type": "http.disconnect"}


def test_all_of_it_comes_in_order_in_few_pieces():
    async def main() -> None:
        incoming = Sender(100, END).incoming()
        chunks = await asyncio.to_thread(lambda: list(incoming.chunks()))
        assert b"".join(chunks) == b"".join(bytes([number]) * PIECE for number in range(1, 101))
        assert len(chunks) < 100
        assert incoming.is_over

    asyncio.run(main())


def test_large_pieces_are_passed_on_without_a_copy_and_small_ones_between_them_keep_their_place():
    large, small = b"L" * LARGE, b"s" * (LARGE - 1)
    pieces = [large, small, small, large, b"", small]

    async def main() -> None:
        coming = iter(pieces)

        async def receive() -> dict[str, Any]:
            piece = next(coming, None)
            return END if piece is None else {"type": "http.request", "body": piece, "more_body": True}

        incoming = Incoming(receive, asyncio.get_running_loop(), 0)
        chunks = await asyncio.to_thread(lambda: list(incoming.chunks()))
        assert b"".join(chunks) == b"".join(pieces)
        assert [chunk for chunk in chunks if chunk is large] == [large, large]

    asyncio.run(main())


def test_reading_bit_by_bit_gives_the_same_bytes():
    async def main() -> None:
        incoming = Sender(5, END).incoming()
        read = await asyncio.to_thread(lambda: b"".join(iter(lambda: incoming.read(PIECE - 1), b"")))
        assert read == b"".join(bytes([number]) * PIECE for number in range(1, 6))

    asyncio.run(main())


def test_a_slow_reader_holds_the_sender_back():
    async def main() -> None:
        sender = Sender(1_000, END)
        incoming = sender.incoming()
        read = len(await asyncio.to_thread(incoming.read, PIECE))
        for _ in range(100):
            await asyncio.sleep(0)
        assert read == PIECE
        assert sender.sent * PIECE <= 2 * AT_ONCE + PIECE
        assert not incoming.is_over
        await incoming.stop()
        sent = sender.sent
        for _ in range(100):
            await asyncio.sleep(0)
        assert sender.sent == sent, "what is still to come is left to others"

    asyncio.run(main())


def test_what_came_before_the_connection_broke_is_read_first():
    async def main() -> None:
        incoming = Sender(3, GONE).incoming()

        sizes: list[int] = []

        def read() -> None:
            sizes.extend(len(chunk) for chunk in incoming.chunks())

        with pytest.raises(Refused, match="The connection broke"):
            await asyncio.to_thread(read)
        assert sum(sizes) == 3 * PIECE
        assert incoming.is_over

    asyncio.run(main())
