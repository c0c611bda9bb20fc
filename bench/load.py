"""Several readers at once, each over one kept connection: how long each answer took, and how large it was."""

import asyncio
import random
import statistics
import time
from collections.abc import Iterable, Iterator

WARM = 2
FEWEST = 10


def read(
    ports: list[int], path: str, header: str = "", readers: int = 20, seconds: float = 8, pause: float = 0.0
) -> tuple[list[float], int]:
    """Seconds for each answer, and the bytes of one. `header` is a line that is sent with each; the first 2 s
    do not count.
    """
    return asyncio.run(_read(ports, path, header, readers, seconds, pause))


async def _read(
    ports: list[int], path: str, header: str, readers: int, seconds: float, pause: float
) -> tuple[list[float], int]:
    begin = time.monotonic() + WARM
    all_of_them = [
        _reader(ports[number % len(ports)], path, header, pause, begin, begin + seconds)
        for number in range(readers)
    ]
    read = await asyncio.gather(*all_of_them)
    return [took for one, _ in read for took in one], read[0][1]


def in_turns(port: int, pages: Iterable[Iterable[tuple[str, str]]], seconds: float) -> list[float]:
    """The median of the seconds that each of `pages` takes one reader, who asks for each in its turn.

    Whatever else the machine does meets all of them alike. A page is its paths, asked for one after the other until one page
    has no more, each with a line that is sent with it. The first of each does not count.
    """
    return asyncio.run(_in_turns(port, [iter(page) for page in pages], seconds))


async def _in_turns(port: int, pages: list[Iterator[tuple[str, str]]], seconds: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    took: list[list[float]] = [[] for _ in pages]
    began = time.monotonic()
    for turn in zip(*pages, strict=False):
        for (path, header), seen in zip(turn, took, strict=True):
            asked = time.monotonic()
            await _answer(reader, writer, _head(port, path, header))
            seen.append(time.monotonic() - asked)
        if time.monotonic() > began + seconds and len(took[0]) > FEWEST:
            break
    writer.close()
    return [statistics.median(seen[1:]) for seen in took]


async def _reader(
    port: int, path: str, header: str, pause: float, begin: float, end: float
) -> tuple[list[float], int]:
    head = _head(port, path, header)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    took, size = [], 0
    while (asked := time.monotonic()) < end:
        size = await _answer(reader, writer, head)
        if asked >= begin:
            took.append(time.monotonic() - asked)
        # So that they are not all in step.
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))
    writer.close()
    return took, size


def _head(port: int, path: str, header: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *([header] if header else []), "", ""]
    return "\r\n".join(lines).encode()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> int:
    """The bytes of the whole answer's body."""
    writer.write(head)
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return len(await reader.readexactly(int(length.partition(b":")[2])))


def listens(port: int) -> bool:
    return asyncio.run(_listens(port))


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
