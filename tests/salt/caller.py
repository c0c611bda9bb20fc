"""Run by Salt's own Python: does what `salt-call` does, as often as it is asked.

    python caller.py

Reads the arguments of a call as a list in JSON, one call a line, and answers each with a line of JSON: `{"code", "out", "err"}`.

Each call is a process of its own, a copy of this one, which has loaded Salt: that takes longer than most calls do.
"""

import json
import os
import sys
import tempfile
from multiprocessing import get_context

import salt.cli.call
import salt.scripts
import salt.state


def main():
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


def answer(arguments):
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = get_context("fork").Process(target=calls, args=(arguments, out.fileno(), err.fileno()))
        process.start()
        process.join()
        out.seek(0), err.seek(0)
        return {"code": process.exitcode, "out": out.read(), "err": err.read()}


def calls(arguments, out, err):
    os.dup2(out, 1), os.dup2(err, 2)
    sys.argv = ["salt-call", *arguments]
    salt.scripts.salt_call()


if __name__ == "__main__":
    main()
