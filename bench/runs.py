"""One benchmark in a process of its own, with what it printed and claimed."""

import contextlib
import importlib
import io
import multiprocessing
import signal
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from bench.claims import CLAIMS, Claim


class Both(io.TextIOBase):
    """Keeps what is printed."""

    def __init__(self) -> None:
        self.kept = ""

    def write(self, text: str) -> int:
        self.kept += text
        return sys.__stdout__.write(text)  # type: ignore[union-attr]

    def flush(self) -> None:
        sys.__stdout__.flush()  # type: ignore[union-attr]


@dataclass(frozen=True)
class Ran:
    """What a benchmark printed and claimed, and how many seconds it took."""

    printed: str
    claims: list[Claim]
    seconds: float
    failed: bool


def in_its_own_process(name: str) -> Ran:
    """Settings of Django and of the environment belong to a whole process: none inherits those of the one
    before.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(run, name).result()


def run(name: str) -> Ran:
    """If one fails, the page says so and the others go on, because a whole run takes long."""
    end_in_order()
    printed, began, failed = Both(), time.monotonic(), False
    with contextlib.redirect_stdout(printed):
        try:
            importlib.import_module(f"bench.{name}").main()
        except Exception as error:  # noqa: BLE001
            traceback.print_exc()
            print(f"  FAILED: {type(error).__name__}: {error}")
            failed = True
    return Ran(printed.kept, CLAIMS, time.monotonic() - began, failed)


def end_in_order() -> None:
    """If this process is told to end, it first ends what it started, such as a cluster of PostgreSQL."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("it was told to end"))


def progress(words: str) -> None:
    """Tell whoever waits; it is no result."""
    print(f"    {words}", file=sys.stderr, flush=True)
