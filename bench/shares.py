"""Limiting a process to a share of one core, so that it is at its own limit while the rest of the machine is not.

It needs Linux's control groups, of version 1 or 2, and the right to make one.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

PERIOD = 10_000
"""Microseconds. Within each, a process that has used up its share waits."""

FIRST, SECOND = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")


@contextmanager
def limited(process: psutil.Process, share: float) -> Iterator[bool]:
    """For the length of a block, `process` and its threads get `share` of one core. Yields whether that can be done here."""
    quota = int(share * PERIOD)
    is_first = (FIRST / "cpu.cfs_quota_us").exists() or (FIRST / "cpu.shares").exists()
    top = FIRST if is_first else SECOND
    group = top / f"butt-bench-{process.pid}"
    values = (
        {"cpu.cfs_period_us": str(PERIOD), "cpu.cfs_quota_us": str(quota)}
        if is_first
        else {"cpu.max": f"{quota} {PERIOD}"}
    )
    try:
        if not is_first:
            (top / "cgroup.subtree_control").write_text("+cpu")
        group.mkdir()
        for name, value in values.items():
            (group / name).write_text(value)
        (group / "cgroup.procs").write_text(str(process.pid))
    except OSError:
        with suppress(OSError):
            group.rmdir()
        yield False
        return
    try:
        yield True
    finally:
        with suppress(OSError):
            (top / "cgroup.procs").write_text(str(process.pid))
        with suppress(OSError):
            group.rmdir()
