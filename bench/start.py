"""Click to alive: `POST /agents` until `#alive`, beside stock `ssb-server start` until it answers `whoami`.

Both take turns, several times. The ratio is that of the medians.
"""

import asyncio
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from bench.claims import claim
from butt.sources.node import NODE
from butt.sources.releases import build
from scuttlekit import Address, KeyPair, ScuttlebuttError, connect
from tests.lanes import free_ports
from tests.service import Person, Service

ROUNDS = 5


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BUTT_HOME"] = folder
        release, stock = build().path, build(Path(__file__).parent / "stock").path
        for count in (1, 20):
            measure(count, release, stock)


def measure(count: int, release: Path, stock: Path) -> None:
    ours, floor = [], []
    with (
        tempfile.TemporaryDirectory() as home,
        Service(Path(home) / "home", release, most_bots=150, bots_per_person=500) as site,
    ):
        alice = site.person("alice@example.org")
        warm = alice.names_a_bot("warm-up")
        alice.waits_for("alive", warm)
        for number in range(ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                floor.append(bare(count, Path(folder), stock))
            ours.append(click_to_alive(count, alice, number))
    a, b = statistics.median(ours), statistics.median(floor)
    print(f"  {count:3} at once: ours {a:.2f} s, bare ssb-server {b:.2f} s, ratio {a / b:.2f}")
    claim(f"from click to alive, {count} at once", a, b, "s", "bare ssb-server")
    print(f"      ours {show(ours)}   bare {show(floor)}", flush=True)


def show(seconds: list[float]) -> str:
    return f"{min(seconds):.2f}-{max(seconds):.2f} s"


def click_to_alive(count: int, alice: Person, number: int) -> float:
    with ThreadPoolExecutor(count) as pool:
        began = time.monotonic()
        bots = list(pool.map(alice.names_a_bot, [f"bench{number}x{n}" for n in range(count)]))
        waiting = {bot["id"] for bot in bots}
        while waiting:
            agents = alice.call("GET", "/agents")["agents"]
            waiting -= {agent["id"] for agent in agents if agent.get("state") == "alive"}
            time.sleep(0.02)
        took = time.monotonic() - began
        list(pool.map(lambda bot: alice.call("DELETE", f"/agents/{bot['id']}"), bots))
    for bot in bots:
        alice.waits_for("leaving", bot)
    return took


def bare(count: int, folder: Path, stock: Path) -> float:
    keys = KeyPair.generate()
    ports = free_ports(count)
    homes = [folder / str(port) for port in ports]
    for home, port in zip(homes, ports, strict=True):
        home.mkdir()
        (home / "config").write_text(json.dumps(stock_config(home, port, keys.id)))
    began = time.monotonic()
    servers = [start(stock, home) for home in homes]
    try:
        asyncio.run(all_answer(homes, ports, keys))
        return time.monotonic() - began
    finally:
        for server in servers:
            server.send_signal(signal.SIGKILL)
            server.wait()


def stock_config(home: Path, port: int, master: str) -> dict[str, object]:
    incoming = {"net": [{"scope": "public", "host": "127.0.0.1", "port": port, "transform": "shs"}]}
    return {
        "path": str(home / "data"),
        "host": "127.0.0.1",
        "port": port,
        "connections": {"incoming": incoming, "outgoing": {"net": [{"transform": "shs"}]}},
        "master": [master],
        "allowPrivate": True,
    }


def start(stock: Path, home: Path) -> "subprocess.Popen[bytes]":
    environment = {"ssb_config": str(home / "config"), "HOME": str(home), "PATH": os.environ["PATH"]}
    command = [str(NODE), str(stock / "node_modules/ssb-server/bin.js"), "start"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=environment, cwd=home, **quiet)  # type: ignore[call-overload,no-any-return]


async def all_answer(homes: list[Path], ports: list[int], keys: KeyPair) -> None:
    await asyncio.gather(*[answers(home, port, keys) for home, port in zip(homes, ports, strict=True)])


async def answers(home: Path, port: int, keys: KeyPair) -> None:
    while True:
        with suppress(ScuttlebuttError, OSError, TimeoutError):
            own = KeyPair.load(home / "data" / "secret").id
            async with connect(Address("127.0.0.1", port, own), keys) as peer:
                await peer.call("whoami")
                return
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    main()
