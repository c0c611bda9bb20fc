"""`python tests/bench/loading.py < PROGRAMS`: loads each in a process of its own, and prints what that said, as JSON.

The process is a copy of one that has loaded the packages of others, which takes longer than everything of ours.
"""

import importlib
import json
import os
import sys
import tempfile
from multiprocessing import get_context

OF_OTHERS = (
    *("click", "django.db.models", "nacl.bindings", "orjson", "packaging.requirements"),
    *("playwright.sync_api", "psutil", "pydantic_settings", "pytest", "requests", "stripe", "uvicorn"),
)


def main() -> None:
    for name in OF_OTHERS:
        importlib.import_module(name)
    json.dump({program: trouble(program) for program in sys.stdin.read().split()}, sys.stdout)


def trouble(program: str) -> str:
    """What a process said that loaded the program; empty if it could."""
    with tempfile.TemporaryFile("w+") as said:
        process = get_context("fork").Process(target=loads, args=(program, said.fileno()))
        process.start()
        process.join()
        said.seek(0)
        return f"{process.exitcode}: {said.read()}" if process.exitcode else ""


def loads(program: str, said: int) -> None:
    for stream in (1, 2):
        os.dup2(said, stream)
    folder, _, name = program.rpartition(".")
    # A script is run by its path, which puts its folder first.
    sys.path[0] = folder if folder == "scripts" else ""
    importlib.import_module(name if folder == "scripts" else program)


if __name__ == "__main__":
    main()
