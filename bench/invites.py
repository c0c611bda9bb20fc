"""Making an invite: `POST /agents/{id}/invites` of a running service, beside stock `ssb-server
invite.create`.

Both take turns within the same minute: the service over one kept HTTP connection, the command line as a
person types it, with a process for each call. The ratio is that of the medians.
"""

import http.client
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.claims import claim
from bench.start import all_answer, start, stock_config
from butt.sources.node import NODE
from butt.sources.releases import build
from scuttlekit import KeyPair
from tests.lanes import free_ports
from tests.service import Person, Service

ROUNDS, OURS_A_ROUND = 15, 10
WARM_UP = 20
AT_LEAST = 50


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BUTT_HOME"] = folder
        release, stock = build().path, build(Path(__file__).parent / "stock").path
        with (
            tempfile.TemporaryDirectory() as home,
            Service(Path(home) / "home", release, invites_per_bot=10_000) as site,
        ):
            alice = site.person("alice@example.org")
            bot = alice.names_a_bot("my")
            alice.waits_for("alive", bot)
            in_turns(alice, bot, stock, Path(home))


def in_turns(alice: Person, bot: Any, stock: Path, folder: Path) -> None:
    import asyncio

    (port,), keys = free_ports(1), KeyPair.generate()
    (folder / "config").write_text(json.dumps(stock_config(folder, port, keys.id)))
    server = start(stock, folder)
    try:
        asyncio.run(all_answer([folder], [port], keys))
        with closing(http.client.HTTPConnection("127.0.0.1", alice.site.port)) as connection:
            for _ in range(WARM_UP):
                over_http(connection, alice, bot)
            ours, theirs = [], []
            for _ in range(ROUNDS):
                theirs.append(by_command_line(stock, folder))
                ours += [over_http(connection, alice, bot) for _ in range(OURS_A_ROUND)]
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()
    a, b = statistics.median(ours), statistics.median(theirs)
    print(f"  ours {1000 * a:.1f} ms ({show(ours)}), ssb-server {1000 * b:.0f} ms ({show(theirs)})")
    claim("an invite over the API", 1000 * a, 1000 * b, "ms", "command line")
    print(f"  {b / a:.0f} times faster at the median; asked for are {AT_LEAST}", flush=True)


def show(seconds: list[float]) -> str:
    return f"{1000 * min(seconds):.1f} to {1000 * max(seconds):.1f}"


def over_http(connection: http.client.HTTPConnection, alice: Person, bot: Any) -> float:
    headers = {"Authorization": f"Bearer {alice.token}", "Content-Type": "application/json"}
    began = time.perf_counter()
    connection.request("POST", f"/agents/{bot['id']}/invites", b'{"name": "Bob"}', headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    took = time.perf_counter() - began
    assert response.status == 201, answer
    return took


def by_command_line(stock: Path, home: Path) -> float:
    environment = {"ssb_config": str(home / "config"), "HOME": str(home), "PATH": os.environ["PATH"]}
    command = [str(NODE), str(stock / "node_modules/ssb-server/bin.js"), "invite.create", "1"]
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=True)
    took = time.perf_counter() - began
    assert "~" in done.stdout, done
    return took


if __name__ == "__main__":
    main()
