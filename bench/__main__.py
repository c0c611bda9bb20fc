"""`make bench`: each benchmark prints its figures as ratios to a floor measured in the same minute.

A run of all benchmarks also writes them to `docs/benchmarks.md`.
"""

import argparse
import datetime as dt
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import psutil

from bench.claims import table
from bench.runs import in_its_own_process
from butt.sources.node import node_version

BENCHES = {
    "start": "from the click to 1, 50 and 200 alive bots, beside the same pub and ssb-server started by hand",
    "clouds": "100 machines at once at a stand-in with a limit on calls, beside what the limit allows",
    "salt": "a run of the states of a machine with 1, 10 and 50 bots, beside one with none",
    "pillars": "100, 1,000 and 10,000 machines asking for their pillar each minute, over PostgreSQL",
    "servers": "making 1, 10 and 50 servers, beside JupyterHub, each over its floor",
    "first": "from `butt up` to its first page, from nothing but a release, beside bare Django",
    "bare": "`make up` on a bare Debian 12 until the service answers, beside the goal of 60 s",
    "audits": "Lighthouse on four pages, on a phone and on a desktop, beside full points",
    "plane": "memory of the control plane beside 50 bots, beside the goal of 120 MB",
    "memory": "10 idle pubs at once, how many fit, and what supervisord takes, beside ssb-server",
    "replication": "a pub that replicates 10,000 messages: its pace and its memory, beside ssb-server",
    "engine": "a pub with 1,000,000 messages, and ten readers of 20,000, beside ssb-server",
    "hostile": "a pub among 300 peers, 20,000 handshakes, slow readers and floods: its memory and a guest's wait",
    "floods": "a pub that may take 100 MB of disk in a flood of ten minutes, beside that bound",
    "calls": "control calls over a kept connection, beside the command line of ssb-server",
    "invites": "making an invite over the API, beside the command line of ssb-server",
    "joining": "500 claims of invites at once, beside the page of an invite",
    "members": "a page of the 10,000 members of a bot, in each order and searched, beside the bot alone",
    "export": "taking along a bot of 50,000 messages and 200 MB of blobs while it writes, beside tar",
    "imports": "importing a bot of 50,000 messages and 1 GiB of blobs, beside a copy of the same bytes",
    "backup": "backing up 1,000 bots with a year of samples and restoring them, beside the database's own tools",
    "vault": "vaulting 100 idle bots, and a bot that takes in 10,000 messages, beside none; memory under faults",
    "loss": "50 bots whose whole data folder is destroyed, and what comes back from the vault",
    "monitor": "what watching 100, 1,000 and 10,000 bots takes, and whether anything is lost",
    "dashboard": "100 bots of 10,000 on the dashboard, for 20 readers at once, beside an empty page",
    "growth": "dashboard, API and pillar under load, from 10 bots to 10,000, on SQLite and PostgreSQL",
    "rest": "all four parts beside 1,000 bots on processes and 10,000 on machines that do nothing",
    "pages": "each page of somebody with 100 bots of 10,000, beside the page of somebody with none",
    "live": "1,000 open pages of as many people: how soon a change shows on them",
    "scale": "100,000 bots on 5,000 machines, simulated: what each part can do, one and two of it",
    "soak": "memory of each part before and after 20,000 requests and 50 restarts of a bot",
}
DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEAD = """\
# Benchmarks

Written by `make bench`, from one run of it. Seconds say little, as machines differ and are noisy: look at the ratios, which
are to a floor or a rival measured in the same minute. Less than 1 is less than theirs: less time, or less memory; only
of bots that fit, more is better.
`make bench ARGS=NAME` runs one of them.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(BENCHES)}")
    names = parser.parse_args().names
    if unknown := set(names) - set(BENCHES):
        parser.error(f"there is no benchmark called {', '.join(sorted(unknown))}")
    print(machine())
    claims, parts, failed = [], [], []
    for name in names or BENCHES:
        print(f"\n{name}: {BENCHES[name]}", flush=True)
        ran = in_its_own_process(name)
        print(f"  (took {ran.seconds:.0f} s)", flush=True)
        what = f"{BENCHES[name][:1].upper()}{BENCHES[name][1:]}. It took {ran.seconds:.0f} s."
        parts.append(f"## {name}\n\n{what}\n\n```\n{ran.printed.rstrip()}\n```\n")
        claims += ran.claims
        failed += [name] if ran.failed else []
    print(f"\n{table(claims)}", end="")
    if not names:
        DOCUMENT.write_text("\n".join([HEAD, table(claims), machine(), *parts]))
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def machine() -> str:
    """The machine that it ran on, and the versions of the programs."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    postgres = (
        shutil.which("psql")
        and subprocess.run(["psql", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    )
    lines = [
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
        f"{os.cpu_count()} cores ({cpu[1] if cpu else platform.machine()}), {psutil.virtual_memory().total / 2**30:.0f} GiB",
        f"Linux {platform.release()}",
        f"Python {platform.python_version()}, Django {importlib.metadata.version('django')}",
        f"Node {node_version()}",
        *([postgres] if postgres else []),
    ]
    return "".join(f"- {line}\n" for line in lines)


if __name__ == "__main__":
    main()
