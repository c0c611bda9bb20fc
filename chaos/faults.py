"""What goes wrong: one fault after the other, and sometimes one within another. Each ends by itself."""

import contextlib
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psutil

from butt.command.up import ROLES, STAND_IN
from chaos import network
from chaos.clock import Clock
from chaos.code import Code
from chaos.disturbances import ALL, Disturbances
from chaos.journal import Journal
from tests.billing.bank import NO_ANSWER, Bank
from tests.service import Service

BALLAST = "chaos.ballast"


class Faults:
    """`small` says that the home folder is a disk of its own, and `apart` that the network is.
    `restart_database` is None if there is no database to restart. `disturbances` records who cannot be seen,
    and when.
    """

    def __init__(
        self,
        site: Service,
        journal: Journal,
        chance: random.Random,
        small: bool,
        restart_database: Callable[[], None] | None,
        apart: bool,
        code: Code,
        clock: Clock,
        bank: Bank,
        disturbances: Disturbances,
    ) -> None:
        self.site, self.journal, self.random = site, journal, chance
        self.restart_database, self.code, self.clock, self.bank = restart_database, code, clock, bank
        self.disturbances = disturbances
        self.sudden = [self.kill_part] * 5 + [self.kill_bot] * 2 + [self.kill_supervisor]
        if restart_database:
            self.sudden += [self.restart] * 5
        self.sudden += [self.new_code] + [self.payment_fails] * 2
        self.lasting = [self.pause_part, self.pause_bot, *([self.full_disk] * 2 if small else [])]
        if apart:
            self.lasting += [self.lossy_network, self.slow_network]
        if clock.environment:
            self.lasting += [self.leaping_clock]

    def one(self) -> None:
        kind = self.random.random()
        if kind < 0.1:
            self.kill_everything()
        elif kind < 0.6:
            self.random.choice(self.sudden)()
        else:
            with self.random.choice(self.lasting)():
                time.sleep(self.random.uniform(0.2, 3))
                if self.random.random() < 0.5:
                    self.random.choice(self.sudden)()
                time.sleep(self.random.uniform(0, 3))

    def kill_part(self) -> None:
        if part := self._part():
            self._kill(part)

    def kill_bot(self) -> None:
        if bot := self._bot():
            self._kill(bot)

    def kill_supervisor(self) -> None:
        if bot := self._bot():
            with contextlib.suppress(psutil.Error):
                parent = bot.parent()
                if parent and "supervisor" in " ".join(parent.cmdline()):
                    self._kill(parent)

    def kill_everything(self) -> None:
        self.journal.say("kill -9 butt up")
        with self.disturbances.lasting():
            self.site.kill()
            time.sleep(self.random.uniform(0, 2))
            self.site.log.close()
            self.site.up()

    def restart(self) -> None:
        self.journal.say("the database restarts")
        assert self.restart_database
        self.restart_database()

    def new_code(self) -> None:
        try:
            self.journal.say(self.code.write(self.random))
        except OSError as error:
            # A program that writes code on a full disk sees an error and keeps the old code.
            self.journal.say(f"no code is written: {error.strerror}")

    def payment_fails(self) -> None:
        """A month is over for somebody, and their bank refuses to pay."""
        with contextlib.suppress(*NO_ANSWER):
            live = sorted(self.bank.live(), key=lambda one: str(one["id"]))
            if live:
                self.journal.say("a payment fails")
                self.bank.refuses(self.random.choice(live))

    def lossy_network(self) -> AbstractContextManager[None]:
        return self._told(network.lossy(self.random))

    def slow_network(self) -> AbstractContextManager[None]:
        return self._told(network.slow(self.random))

    def leaping_clock(self) -> AbstractContextManager[None]:
        return self._told(self.clock.leaps(self.random))

    @contextmanager
    def _told(self, fault: AbstractContextManager[str]) -> Iterator[None]:
        with fault as words, self.disturbances.lasting():
            self.journal.say(words)
            yield
        self.journal.say(f"no more: {words}")

    def pause_part(self) -> AbstractContextManager[None]:
        return self._paused(self._part())

    def pause_bot(self) -> AbstractContextManager[None]:
        return self._paused(self._bot())

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        self.journal.say("the disk is full")
        ballast = self.site.home / BALLAST
        try:
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while file.write(b"\1" * 65536):
                    pass
            yield
        finally:
            ballast.unlink(missing_ok=True)
            self.journal.say("the disk has room again")

    @contextmanager
    def _paused(self, process: psutil.Process | None) -> Iterator[None]:
        if process is None:
            yield
            return
        with self.disturbances.lasting(_whom(process)):
            with contextlib.suppress(psutil.Error):
                self.journal.say(f"SIGSTOP {_words(process)}")
                process.send_signal(signal.SIGSTOP)
            try:
                yield
            finally:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signal.SIGCONT)

    def _kill(self, process: psutil.Process) -> None:
        with contextlib.suppress(psutil.Error):
            self.journal.say(f"kill -9 {_words(process)}")
            self.disturbances.now(_whom(process))
            process.kill()

    def _part(self) -> psutil.Process | None:
        role = self.random.choice((*ROLES, STAND_IN))
        with contextlib.suppress(StopIteration, psutil.Error):
            return self.site.part(role)
        return None

    def _bot(self) -> psutil.Process | None:
        # Sorted by folder, so that as far as possible the seed decides, and not the order of processes.
        pubs = sorted(self.site.pubs(), key=lambda pub: pub.create_time())
        return self.random.choice(pubs) if pubs else None


def _whom(process: psutil.Process) -> str:
    """Whom it disturbs: the monitor disturbs everybody, any other part only itself."""
    with contextlib.suppress(psutil.Error):
        if "monitor --home" in _words(process):
            return ALL
    return str(process.pid)


def _words(process: psutil.Process) -> str:
    words = [word for word in process.cmdline() if word]
    return " ".join(words[-3:])
