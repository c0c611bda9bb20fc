"""Carries out the jobs of code that reads what bots on machines keep.

All data comes over HTTP with the machine's own token, because over Salt any machine can speak in another's
name. A machine is only told to send, and uploads are looked at as they arrive. So a slow machine occupies no
thread, and each machine has its share of the jobs in progress.
"""

import json
import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone

from butt.hosts.interface import HostTrouble
from butt.hosts.salt.calls import Caller
from butt.limits.slowed import note
from butt.limits.table import JOBS, MACHINE_JOBS
from butt.machines import jobs, log_tails, uploads
from butt.machines.models import LogTail, MachineJob, Upload
from butt.rounds import GoOn, rounds
from butt.waking.listening import listening

log = logging.getLogger("butt.hosts.salt")

TICK, SELDOM, AFTER_TROUBLE, HOLD, TIDY = 0.25, 2.0, 3.0, 10.0, 600.0
TELLING = 4
"""How many machines are called at the same time. For each call, a copy of Salt's client runs until it is published."""

SEND_SECONDS, STALL_SECONDS = 3600, 30.0
"""How long a machine may take for a whole upload, and how long it may pause within one."""

SIZES_BYTES = 4096
FOLLOW_SECONDS = int(log_tails.FOLLOW.total_seconds())
UNSENT = "Its machine did not send it. Try again."


@dataclass
class _RunningJob:
    """A job in progress. Times are in seconds, by the worker's clock."""

    job: MachineJob
    began: float
    moved: float
    came: int = 0
    is_told: bool = False


class JobWorker:
    def __init__(self, caller: Caller, clock: Callable[[], float] = time.monotonic) -> None:
        self._caller, self._clock = caller, clock
        self._going = dict[uuid.UUID, _RunningJob]()
        self._threads = ThreadPoolExecutor(TELLING, thread_name_prefix="machine-jobs")
        self._held = self._tidied = 0.0

    def run(self, go_on: GoOn) -> None:
        """Run rounds for as long as `go_on()` is true. Database errors are waited out."""
        with listening(MachineJob, LogTail, Upload) as written:
            rounds(self.round, go_on, log, AFTER_TROUBLE, written.wait)

    def round(self) -> float:
        """Start waiting jobs and finish those whose data has arrived. Returns how many seconds to rest."""
        now, clock = timezone.now(), self._clock()
        if clock - self._held > HOLD:
            self._held = clock
            jobs.hold(list(self._going), now)
        for tail in log_tails.to_follow(now):
            self._threads.submit(self._follow, tail)
        if clock - self._tidied > TIDY or not self._tidied:
            self._tidied = clock
            jobs.forget_old(now)
            log_tails.forget_old(now)
            uploads.forget_old(now - jobs.KEPT)
            uploads.forget_untaken(now - 2 * jobs.PATIENCE)
        self._look(clock)
        under_way = Counter(going.job.machine_id for going in self._going.values())
        for job in jobs.waiting(now, JOBS.most - len(self._going), under_way, MACHINE_JOBS.most):
            self._going[job.id] = _RunningJob(job, clock, clock)
            self._threads.submit(self._tell, self._going[job.id])
        return TICK if self._going else SELDOM

    def rest(self) -> None:
        """Wait until every machine has been told what it is to send."""
        self._threads.shutdown(wait=True)

    def _follow(self, tail: LogTail) -> None:
        try:
            self._caller.begin(
                tail.machine,
                "butt_exports.follow",
                str(tail.bot_id),
                FOLLOW_SECONDS,
                seconds=FOLLOW_SECONDS + 30,
            )
        except HostTrouble as trouble:
            log.warning("cannot follow the log of %s: %s", tail.bot_id, trouble)
            log_tails.give_up(tail)
        except Exception:
            log.exception("cannot follow the log of %s", tail.bot_id)
        finally:
            connection.close()

    def _tell(self, going: _RunningJob) -> None:
        job = going.job
        try:
            most = SIZES_BYTES if job.what == jobs.SIZES else uploads.room()
            upload = uploads.expect(job.machine, job.bot_id, most, job.id)
            if upload.arrived_at is None:
                arguments = (str(job.bot_id), str(job.id), job.what)
                self._caller.begin(job.machine, "butt_exports.send", *arguments, seconds=SEND_SECONDS)
        except HostTrouble as trouble:
            jobs.done(job.id, trouble=f"Its machine: {trouble}")
        except Exception:
            log.exception("cannot start a job on %s", job.machine)
            jobs.done(job.id, trouble=UNSENT)
        finally:
            going.moved, going.is_told = self._clock(), True
            connection.close()

    def _look(self, clock: float) -> None:
        """Finish the jobs whose data has arrived, and those that have stalled."""
        ids = list(self._going)
        over = set(MachineJob.objects.filter(id__in=ids).exclude(done_at=None).values_list("id", flat=True))
        arrived = {upload.id: upload for upload in Upload.objects.filter(id__in=ids).exclude(arrived_at=None)}
        for job_id in ids:
            if job_id in over or self._is_over(self._going[job_id], arrived.get(job_id), clock):
                del self._going[job_id]

    def _is_over(self, going: _RunningJob, upload: Upload | None, clock: float) -> bool:
        job = going.job
        if upload is not None:
            trouble = "" if upload.size else UNSENT
            if trouble:
                uploads.spooled(upload).unlink(missing_ok=True)
            is_sizes = job.what == jobs.SIZES and not trouble
            jobs.done(job.id, _read(upload) if is_sizes else None, trouble)
            return True
        came = uploads.came_so_far(job.id)
        if came != going.came:
            going.came, going.moved = came, clock
        if not going.is_told or (
            clock - going.moved <= STALL_SECONDS and clock - going.began <= SEND_SECONDS
        ):
            return False
        log.warning("%s did not send %s in time", job.machine, job.what)
        note(MACHINE_JOBS, f"machine {job.machine}")
        jobs.done(job.id, trouble=UNSENT)
        uploads.forget(job.id)
        return True


def _read(upload: Upload) -> Any:
    """The JSON that has arrived, whose file is removed; None if it is not JSON."""
    place = uploads.spooled(upload)
    try:
        return json.loads(place.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    finally:
        place.unlink(missing_ok=True)
