"""`python -m stripe_standin --port N --state FILE`."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from stripe_standin import PUBLISHABLE_KEY, SECRET_KEY, Server, StandIn


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stripe_standin", description=sys.modules["stripe_standin"].__doc__
    )
    parser.add_argument("--port", type=int, default=8500)
    parser.add_argument(
        "--state", type=Path, help="the file that keeps all state; none: it is gone in the end"
    )
    given = parser.parse_args()
    standin = StandIn(given.state)
    server = Server(standin, given.port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    print(f"{server.url}  secret key {SECRET_KEY}, publishable key {PUBLISHABLE_KEY}", flush=True)
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        server.server_close()
        standin.close()


main()
