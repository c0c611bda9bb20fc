"""Stripe's local stand-in, for trying the service: no money moves. Its state is in the home folder, and it listens on loopback."""

import signal
import sys

from butt.configuration import Configuration


def serve(settings: Configuration) -> None:
    """Serve until the process ends. It sends events to the public server, as Stripe does."""
    from stripe_standin import Server, StandIn

    standin = StandIn(settings.home / "stand-in.sqlite3")
    standin.tell(f"http://127.0.0.1:{settings.port}/stripe/webhook", settings.webhook_secret())
    server = Server(standin, settings.stand_in_port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        server.server_close()
        standin.close()
