"""Control calls: over the connection that the service keeps to a pub, beside the command line of stock
`ssb-server`.

Both take turns within the same minute. The command line is called as a person types it, with a process for
each call. The ratio is that of the medians.
"""

import asyncio
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.claims import claim
from bench.replication import MASTER, ours
from bench.start import all_answer, start, stock_config
from butt.sources.node import NODE
from butt.sources.releases import build
from scuttlekit import connect
from tests.lanes import free_ports

ROUNDS, OURS_A_ROUND = 8, 25
CALLS: dict[str, tuple[list[Any], list[str]]] = {
    "whoami": ([], []),
    "invite.create": ([{"uses": 1, "external": "my.example.org"}], ["1"]),
    "publish": ([{"type": "post", "text": "hello"}], ["--type", "post", "--text", "hello"]),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["BUTT_HOME"] = home
        release, stock = build().path, build(Path(__file__).parent / "stock").path
        with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as folder:
            asyncio.run(measure(release, stock, Path(place), Path(folder)))


async def measure(release: Path, stock: Path, place: Path, home: Path) -> None:
    (port,) = free_ports(1)
    (home / "config").write_text(json.dumps(stock_config(home, port, MASTER.id)))
    server = start(stock, home)
    try:
        await all_answer([home], [port], MASTER)
        async with ours(release, place) as pub, connect(pub.address, MASTER) as peer:
            for name, (given, typed) in CALLS.items():
                kept, alone = [], []
                for _ in range(ROUNDS):
                    alone.append(by_command_line(stock, home, [name, *typed]))
                    kept += [await over(peer, name, given) for _ in range(OURS_A_ROUND)]
                a, b = statistics.median(kept), statistics.median(alone)
                claim(f"`{name}`", 1000 * a, 1000 * b, "ms", "command line")
                print(
                    f"  {name + ':':14} ours {1000 * a:.2f} ms, ssb-server {1000 * b:.0f} ms,"
                    f" {b / a:.0f} times faster",
                    flush=True,
                )
    finally:
        server.kill()
        server.wait()


async def over(peer: Any, name: str, given: list[Any]) -> float:
    began = time.perf_counter()
    await peer.call(name, *given)
    return time.perf_counter() - began


def by_command_line(stock: Path, home: Path, typed: list[str]) -> float:
    environment = {"ssb_config": str(home / "config"), "HOME": str(home), "PATH": os.environ["PATH"]}
    command = [str(NODE), str(stock / "node_modules/ssb-server/bin.js"), *typed]
    began = time.perf_counter()
    subprocess.run(command, env=environment, cwd=home, capture_output=True, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
