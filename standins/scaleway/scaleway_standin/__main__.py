"""`python -m scaleway_standin --port N --state DIR`."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from scaleway_standin import ACCESS_KEY, PROJECT, SECRET_KEY, Server, StandIn


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m scaleway_standin", description=sys.modules["scaleway_standin"].__doc__
    )
    parser.add_argument("--port", type=int, default=8400)
    parser.add_argument("--state", type=Path, required=True, help="the folder that holds all state")
    parser.add_argument(
        "--boot", default="", metavar="COMMAND", help="what a running server is; see README.md"
    )
    parser.add_argument(
        "--dns-zone", action="append", default=[], metavar="NAME", help="a DNS zone of the account"
    )
    parser.add_argument("--ipv4-pool", default="", metavar="CIDR", help="where public addresses come from")
    parser.add_argument(
        "--leave-machines", action="store_true", help="let machines run on when the stand-in ends"
    )
    given = parser.parse_args()
    standin = StandIn(
        given.state, boot=given.boot, dns_zones=tuple(given.dns_zone), ipv4_pool=given.ipv4_pool
    )
    server = Server(standin, given.port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    print(f"{server.url}  access key {ACCESS_KEY}, secret key {SECRET_KEY}, project {PROJECT}", flush=True)
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        server.server_close()
        standin.close(end_machines=not given.leave_machines)


main()
