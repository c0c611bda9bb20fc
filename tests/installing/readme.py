"""`make up`, as the README says it, on Debians and an Ubuntu that have Python and make alone: `python -m tests.installing.readme [SUITE…]`.

With `--quick`, `make quick` there instead. Each ends with the seconds that it took until the service answered, or the tests
had ended, from a checkout of the last commit. It has no network but its own: what pip and apt ask for was fetched before, which
takes some minutes the first time.
"""

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.clouds.debian import PYTHON, Debian, image
from tests.installing.wheels import PIP, WHEELS, packages
from tests.service import wait_for

ROOT = Path(__file__).parents[2]
PYTHONS = {"bookworm": PYTHON, "noble": "python3.12", "trixie": "python3.13", "forky": "python3.14"}
"""Debian 12, Ubuntu 24.04, Debian 13, and what becomes Debian 14."""
DEV = ROOT / "requirements" / "dev.txt"
PATIENT = 900.0


def main(arguments: list[str]) -> None:
    quick = "--quick" in arguments
    suites = [suite for suite in arguments if suite != "--quick"] or list(PYTHONS)
    for suite in suites:
        took = seconds(suite, "quick" if quick else "up")
        told = f"make {'quick' if quick else 'up'} on {suite}, with {PYTHONS[suite]}: {took:.0f} s\n"
        sys.stdout.write(told)
        sys.stdout.flush()


def seconds(suite: str, target: str) -> float:
    """Until `make TARGET` serves, for `up`; until it has ended well, for all else."""
    python = PYTHONS[suite]
    brings = ("python3", "make", "ca-certificates", "curl")
    installs = (f"{python}-venv",)
    lower = image(Debian(f"{suite}-readme", suite, python, brings, installs))
    wheels = packages(python.removeprefix("python"), *([] if target == "up" else [DEV]))
    with tempfile.TemporaryDirectory() as folder:
        upper, root = Path(folder, "upper"), Path(folder, "root")
        for path in (
            upper / "etc",
            upper / "srv/butt",
            upper / WHEELS.lstrip("/"),
            Path(folder, "work"),
            root,
        ):
            path.mkdir(parents=True)
        (upper / "etc/pip.conf").write_text(PIP)
        (upper / "etc/hosts").write_text("127.0.0.1 localhost\n")
        _check_out(upper / "srv/butt")
        steps = (
            f"mount -t overlay overlay -o lowerdir={lower},upperdir={upper},workdir={folder}/work {root}",
            f"mount --bind {wheels} {root}{WHEELS}",
            f"mount -t proc proc {root}/proc",
            f"mount --rbind /dev {root}/dev",
            "ip link set lo up",
            f"exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root chroot {root} sh -c 'cd /srv/butt && exec make {target}'",
        )
        alone = (
            "setpriv",
            "--pdeathsig",
            "KILL",
            "unshare",
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
        )
        began, said = time.monotonic(), Path(folder, "said")
        with said.open("wb") as log:
            child = subprocess.Popen([*alone, "sh", "-ec", "; ".join(steps)], stdout=log, stderr=log)
        try:
            if target == "up":
                wait_for(lambda: _answers(child, said), PATIENT)
            elif child.wait(PATIENT):
                sys.exit(said.read_text()[-5000:])
        except AssertionError:
            sys.exit(said.read_text()[-5000:])
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait(60)
        return time.monotonic() - began


def _check_out(folder: Path) -> None:
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", "HEAD"], check=True, capture_output=True)
    subprocess.run(["tar", "--extract", "--directory", str(folder)], input=archive.stdout, check=True)


def _answers(child: "subprocess.Popen[bytes]", said: Path) -> bool:
    """Whether the service is up, at the address that the README names."""
    assert child.poll() is None, said.read_text()
    inside = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
    if not inside:
        return False
    ask = ["curl", "-sf", "--max-time", "5", "-o", "/dev/null", "http://127.0.0.1:8000/up"]
    there = ["nsenter", f"--net=/proc/{inside[0]}/ns/net", *ask]
    return subprocess.run(there, check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    main(sys.argv[1:])
