"""Claiming invites, `POST /join/…`, beside the page of the invite, `GET /join/…`: 500 of each, in turns.

Several clients at once, each over one kept connection and with a new SSB id for each claim. The cost is the
CPU time of the public server and the pub together. The pub publishes a message for each claim, which is on
disk before it answers.
"""

import http.client
import json
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil

from bench.claims import claim
from butt.sources.releases import build
from scuttlekit import KeyPair
from tests.service import Service

ROUNDS, AT_ONCE, CLIENTS = 3, 500, 8
USES = 1000
AT_MOST = 2.0


def main() -> None:
    release = build().path
    with (
        tempfile.TemporaryDirectory() as home,
        Service(
            Path(home) / "home",
            release,
            limits="address-joins=1000000 address-slow-requests=64 client-slow-requests=64",
        ) as site,
    ):
        alice = site.person("alice@example.org")
        bot = alice.names_a_bot("my")
        alice.waits_for("alive", bot)
        body = {"name": "many", "uses": USES}
        invites = [
            alice.call("POST", f"/agents/{bot['id']}/invites", body, expect=201)["url"].rpartition("/")[2]
            for _ in range((ROUNDS + 1) * AT_ONCE // USES + 1)
        ]
        public, (pub,) = site.part("public"), site.pubs(bot)
        in_turns(site.port, [public, pub], invites)


def in_turns(port: int, processes: list[psutil.Process], invites: list[str]) -> None:
    pages, claims = list[float](), list[float]()
    takes = {"pages": list[float](), "claims": list[float]()}
    for number in range(ROUNDS + 1):
        token = invites[number * AT_ONCE // USES]
        bodies = [json.dumps({"id": KeyPair.generate().id, "invite": token}).encode() for _ in range(AT_ONCE)]
        for name, costs, requests in (("pages", pages, [None] * AT_ONCE), ("claims", claims, bodies)):
            before, began = cpu(processes), time.perf_counter()
            ask(port, token, requests)
            if number:  # The first round warms up.
                takes[name].append(time.perf_counter() - began)
                costs.append((cpu(processes) - before) / AT_ONCE)
    page, one = statistics.median(pages), statistics.median(claims)
    for name, costs in (("pages", pages), ("claims", claims)):
        pace = AT_ONCE / statistics.median(takes[name])
        print(f"  {name}: {pace:,.0f} a second, {1000 * statistics.median(costs):.2f} ms of CPU each")
    claim("CPU of a claim of an invite", 1000 * one, 1000 * page, "ms", "its page")
    print(f"  a claim costs {one / page:.2g} pages; allowed are {AT_MOST:.2g}", flush=True)


def ask(port: int, token: str, requests: list[Any]) -> None:
    shares = [requests[number::CLIENTS] for number in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in pool.map(lambda share: one_after_the_other(port, token, share), shares):
            pass


def one_after_the_other(port: int, token: str, requests: list[Any]) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        for body in requests:
            headers = {"Content-Type": "application/json"} if body else {}
            connection.request("POST" if body else "GET", f"/join/{token}", body, headers)
            response = connection.getresponse()
            said = response.read()
            assert response.status == 200, said[:500]


def cpu(processes: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return sum(one.user + one.system for one in times)


if __name__ == "__main__":
    main()
