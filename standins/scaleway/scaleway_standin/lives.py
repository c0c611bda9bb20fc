"""Ends a machine together with the process that it belongs to."""

from __future__ import annotations

import os
import select
import signal
import threading


def ends_with(pid: int) -> None:
    """End this process and its group at once when the process `pid` ends, however it ends."""
    ended = os.pidfd_open(pid)

    def wait() -> None:
        select.select([ended], [], [])
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()
