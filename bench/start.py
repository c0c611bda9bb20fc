"""Click to alive: `POST /agents` until `#alive`, for 1, 50 and 200 bots at once.

Beside it the same release of the pub, started as often by hand until each listens: what is above that is what the service costs.
And stock `ssb-server start` until each answers `whoami`, which is what people had before. All take turns; the ratios are those
of the medians.
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
from typing import Any

from bench.asking import ask_until
from bench.claims import claim
from butt.sources.node import NODE
from butt.sources.releases import build
from scuttlekit import Address, KeyPair, ScuttlebuttError, connect
from tests.lanes import free_ports
from tests.pub.pubs import Pub
from tests.service import Person, Service

ROUNDS = {1: 5, 50: 2, 200: 1}
AT_ONCE = 50
"""How many requests are made at the same time: a browser or a program waits for answers, too."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BUTT_HOME"] = folder
        release, stock = build().path, build(Path(__file__).parent / "stock").path
        for count, rounds in ROUNDS.items():
            measure(count, rounds, release, stock)


def measure(count: int, rounds: int, release: Path, stock: Path) -> None:
    ours, by_hand, others = [], [], []
    with (
        tempfile.TemporaryDirectory() as home,
        Service(Path(home) / "home", release, most_bots=400, bots_per_person=500) as site,
    ):
        alice = site.person("alice@example.org")
        alice.waits_for("alive", alice.names_a_bot("warm-up"))
        for number in range(rounds):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                others.append(bare(count, Path(folder), stock))
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                by_hand.append(bare_pubs(count, Path(folder), release))
            took, bots = click_to_alive(count, alice, number)
            ours.append(took)
            delete(alice, bots)
    mine = statistics.median(ours)
    for whom, floors in (("the same pub by hand", by_hand), ("bare ssb-server", others)):
        floor = statistics.median(floors)
        print(f"  {count:3} at once: ours {mine:.2f} s, {whom} {floor:.2f} s, ratio {mine / floor:.2f}")
        claim(f"from click to alive, {count} at once", mine, floor, "s", whom)
    print(f"      ours {show(ours)}   by hand {show(by_hand)}   ssb-server {show(others)}", flush=True)


def show(seconds: list[float]) -> str:
    return f"{min(seconds):.2f}-{max(seconds):.2f} s"


def click_to_alive(count: int, alice: Person, number: int) -> tuple[float, list[Any]]:
    """The seconds, and the bots."""
    with ThreadPoolExecutor(min(count, AT_ONCE)) as pool:
        began = time.monotonic()
        bots = list(pool.map(alice.names_a_bot, [f"bench{number}x{n}" for n in range(count)]))
        # The list of many bots is long: it is asked for when one that was among the last is there.
        ask_until(lambda: alice.sees(bots[-1])["state"] == "alive")
        waiting = {bot["id"] for bot in bots}
        ask_until(lambda: waiting <= alive_ones(alice))
        return time.monotonic() - began, bots


def alive_ones(alice: Person) -> set[str]:
    agents = alice.call("GET", "/agents")["agents"]
    return {agent["id"] for agent in agents if agent.get("state") == "alive"}


def delete(alice: Person, bots: list[Any]) -> None:
    with ThreadPoolExecutor(min(len(bots), AT_ONCE)) as pool:
        list(pool.map(lambda bot: alice.call("DELETE", f"/agents/{bot['id']}"), bots))
    for bot in bots:
        alice.waits_for("leaving", bot)


def bare_pubs(count: int, folder: Path, release: Path) -> float:
    """Seconds until as many pubs of the release, started by hand at once, listen."""
    # All at once: when asked for one by one, two of fifty often had the same.
    pubs = [Pub(release, folder / str(port), port=port, caps={}) for port in free_ports(count)]
    began = time.monotonic()
    for pub in pubs:
        pub.spawn()
    try:
        waiting = pubs
        while waiting := [pub for pub in waiting if not pub.event("listening")]:
            if ended := [pub for pub in waiting if pub.process and pub.process.poll() is not None]:
                raise RuntimeError(ended[0].output.read_text())
            time.sleep(0.02)
        return time.monotonic() - began
    finally:
        for pub in pubs:
            pub.kill()


def bare(count: int, folder: Path, stock: Path) -> float:
    """Seconds until as many stock ssb-servers, started by hand at once, answer."""
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
