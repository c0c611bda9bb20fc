"""Private server, steward and monitor in one process, as `butt up` runs them: half the memory of three.

None of them serves strangers. Whichever of them ends, the process ends, and is started again as a whole.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import click
import uvloop

from butt.command import configure
from butt.command.files import need_files
from butt.command.minding import BOTS_RUN_ON, ENDS_WITH_BOTS
from butt.command.reach import warn_of_reach
from butt.command.roles import ENDS
from butt.command.stewarding import Stewarding

FAILED = 1
"""The exit code after a part failed."""

PATIENCE = 10.0
"""Seconds that the parts have to end."""

log = logging.getLogger("butt.command")


def run_together() -> None:
    """Run until a signal ends it. Never returns, so that nothing waits for threads that may be busy."""
    settings = configure()
    settings.make_secrets()
    warn_of_reach(settings)

    from butt.limits.slowed import keep_noting
    from butt.private.django_settings import use_private_settings
    from butt.serving.server import TURN

    # Nothing in this process makes addresses of pages, so these settings concern the private server alone.
    use_private_settings()
    need_files()
    keep_noting()
    sys.setswitchinterval(TURN)
    try:
        stewarding = Stewarding(settings, counts=False)
        together = _Together(stewarding, settings.private_bind, settings.private_port)
        code = uvloop.run(together.run())
        if together.stops_bots and not code:
            code = _stop_bots(stewarding)
    except click.ClickException as trouble:
        trouble.show()
        code = FAILED
    except BaseException:  # uvicorn exits where it cannot listen
        log.exception("private server, steward and monitor end")
        code = FAILED
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class _Together:
    def __init__(self, stewarding: Stewarding, host: str, port: int) -> None:
        from butt.serving.server import http_server

        self._stewarding, self._stop = stewarding, threading.Event()
        self._server = http_server("private", "butt.private.asgi:application", host, port)
        self.stops_bots = False

    async def run(self) -> int:
        """The exit code, once one of the parts has ended and the others were given time to end."""
        from butt.beats.heart import Heart
        from butt.identity import service_keys
        from butt.monitor.monitor import Monitor

        loop = asyncio.get_running_loop()
        # uvicorn sets its own handlers while it serves, and calls these afterwards.
        for number in ENDS:
            signal.signal(number, lambda *_: self._end())
        loop.add_signal_handler(ENDS_WITH_BOTS, self._end_with_bots)
        heart = Heart("monitor", counts=False).start()
        heart.follow(loop)
        serving = asyncio.create_task(self._server.serve())
        watching = asyncio.create_task(Monitor(service_keys()).run())
        acting = loop.run_in_executor(
            ThreadPoolExecutor(1, "steward"), self._stewarding.run, lambda: not self._stop.is_set()
        )
        await asyncio.wait((serving, watching, acting), return_when=asyncio.FIRST_COMPLETED)
        was_told = self._server.should_exit
        self._end()
        watching.cancel()
        ended, late = await asyncio.wait((serving, watching, acting), timeout=PATIENCE)
        await asyncio.to_thread(heart.stop)
        for part in ended:
            if not part.cancelled() and (trouble := part.exception()):
                log.error("a part ended with an error", exc_info=trouble)
        return 0 if was_told and not late else FAILED

    def _end(self) -> None:
        from butt.waking.listening import set_all

        self._stop.set()
        self._server.should_exit = True
        set_all()

    def _end_with_bots(self) -> None:
        self.stops_bots = True
        self._end()


def _stop_bots(stewarding: Stewarding) -> int:
    from butt.hosts import HostTrouble

    try:
        stewarding.stop_bots()
    except HostTrouble as trouble:
        sys.stderr.write(f"Error: Some bots could not be stopped: {trouble}\n")
        return BOTS_RUN_ON
    return 0
