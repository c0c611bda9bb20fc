"""Runs our HTTP servers: uvicorn, which reports when it is ready, with a heart that follows its event loop."""

import asyncio
import gc
import logging
import signal
import socket
import sys

import uvicorn

from butt.beats import systemd
from butt.beats.heart import Heart
from butt.limits.slowed import keep_noting
from butt.serving.connections import KEEP_ALIVE, connection_class

log = logging.getLogger("butt.serving")

TURN = 0.0005
"""Seconds that a thread runs before another one gets its turn. With Python's default of 5 ms, and all threads
computing pages, the event loop waits so long that accepting a new connection takes 1.6 s in place of 0.15 s.
"""

ACCEPTED_AT_ONCE = 100
"""New connections accepted before the open ones are served again: a crowd of newcomers waits, not those
already in.
"""

STARTUP_FAILURE = 3


class HttpServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, part: str) -> None:
        super().__init__(config)
        self._heart = Heart(part)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            loop = asyncio.get_running_loop()
            self._heart.start().follow(loop)
            # Our supervisor starts us again, with the settings and code of that time.
            loop.add_signal_handler(signal.SIGHUP, self._end)
            # The garbage collector would go over all that is loaded, in the middle of a request.
            gc.freeze()
            systemd.ready()

    def _end(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        # Done here, as the signal that ended us is raised again after this.
        await asyncio.to_thread(self._heart.stop)


def serve(part: str, application: str, host: str, port: int) -> None:
    """Serve until the process is told to end; exits with 3 if it cannot listen.

    If systemd holds the socket, connections that arrive during a restart wait for us.
    """
    sockets = systemd.sockets()
    if trouble := _other_port(sockets, port):
        log.error(trouble)
        sys.exit(STARTUP_FAILURE)
    keep_noting()
    sys.setswitchinterval(TURN)
    server = http_server(part, application, host, port)
    try:
        server.run(sockets or None)
    except KeyboardInterrupt:
        pass
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def http_server(part: str, application: str, host: str, port: int) -> HttpServer:
    """A server for the ASGI application that `MODULE:NAME` names; it is loaded once the server starts."""
    config = uvicorn.Config(
        application,
        http=connection_class(),
        ws="none",
        host=host,
        port=port,
        log_config=None,
        log_level="warning",
        lifespan="off",
        backlog=ACCEPTED_AT_ONCE,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=2,
    )
    return HttpServer(config, part)


def _other_port(sockets: list[socket.socket], port: int) -> str:
    """Why the port on which systemd listens is not the configured one; empty if it is."""
    others = [each.getsockname()[1] for each in sockets if each.getsockname()[1] != port]
    if not others:
        return ""
    return (
        f"The settings say port {port}, and systemd listens on port {others[0]}. Change ListenStream in the unit that ends with "
        ".socket, or run `butt install` again."
    )
