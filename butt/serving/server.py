"""Running an http server of ours: uvicorn, which says when it serves, and whose heart beats while its event loop turns."""

import asyncio
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
"""Seconds that a thread of a server works until another one may. With Python's own 5 ms, and with pages that only compute
in all threads, the event loop waits for its turn so long that it takes no new connections: 1.6 s in place of 0.15 s."""

ACCEPTED_AT_ONCE = 100
"""New connections that a server takes before it looks at those that are open: a crowd at the door waits, not who is in."""

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
            # What runs us starts us again, with the settings and the code that there are then.
            loop.add_signal_handler(signal.SIGHUP, self._end)
            systemd.ready()

    def _end(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        # Here, as the signal that ended us is raised again after this.
        await asyncio.to_thread(self._heart.stop)


def serve(part: str, application: str, host: str, port: int) -> None:
    """Until the process is told to end; exits with 3 where it cannot listen.

    Where systemd listens in our place, connections that come while we are started again wait for us.
    """
    sockets = systemd.sockets()
    if trouble := _other_port(sockets, port):
        log.error(trouble)
        sys.exit(STARTUP_FAILURE)
    keep_noting()
    sys.setswitchinterval(TURN)
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
    server = HttpServer(config, part)
    try:
        server.run(sockets or None)
    except KeyboardInterrupt:
        pass
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def _other_port(sockets: list[socket.socket], port: int) -> str:
    """Why what systemd listens on is not what the settings say; empty where it is."""
    others = [each.getsockname()[1] for each in sockets if each.getsockname()[1] != port]
    if not others:
        return ""
    return (
        f"The settings say port {port}, and systemd listens on port {others[0]}. Change ListenStream in the unit that ends with "
        ".socket, or run `butt install` again."
    )
