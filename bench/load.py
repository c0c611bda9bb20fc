"""Several readers at once, each over one kept connection: how long each answer took, and how large it was."""

import asyncio
import random
import time

WARM = 2


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


async def _reader(
    port: int, path: str, header: str, pause: float, begin: float, end: float
) -> tuple[list[float], int]:
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *([header] if header else []), "", ""]
    head = "\r\n".join(lines).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    took, size = [], 0
    while (asked := time.monotonic()) < end:
        writer.write(head)
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        assert answer.startswith(b"HTTP/1.1 200"), answer
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        size = len(await reader.readexactly(int(length.partition(b":")[2])))
        if asked >= begin:
            took.append(time.monotonic() - asked)
        # So that they are not all in step.
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))
    writer.close()
    return took, size


def listens(port: int) -> bool:
    return asyncio.run(_listens(port))


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
