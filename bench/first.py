"""From the command `butt up` until its first page is read: from nothing but a built release, and from a home folder that exists.

The floor is Django and uvicorn with one page that says a word: no database, no rows, nothing that acts.
"""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bench.claims import claim
from butt.sources.releases import build
from tests.lanes import free_ports

ROUNDS = 5
GOAL = 1.5
"""Seconds from nothing."""

BARE = """
import sys
from django.conf import settings
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x")
import django
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path
import uvicorn
urlpatterns = [path("", lambda request: HttpResponse("hello"))]
uvicorn.run(get_asgi_application(), port=int(sys.argv[1]), log_level="error")
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BUTT_HOME"] = folder
        release = build().path
        bare, nothing, again = [], [], []
        for number in range(ROUNDS):
            home = Path(folder) / f"home{number}"
            (home / "releases").mkdir(parents=True)
            (home / "releases" / release.name).symlink_to(release)
            bare.append(until_read([sys.executable, "-c", BARE, str(free_ports(1)[0])], -1))
            nothing.append(until_read(*up(home)))
            again.append(until_read(*up(home)))
            shutil.rmtree(home)
    floor, first, later = map(statistics.median, (bare, nothing, again))
    for what, seconds in (("from nothing", nothing), ("again", again), ("bare Django", bare)):
        print(f"  {what + ':':13} {statistics.median(seconds):.2f} s ({min(seconds):.2f}-{max(seconds):.2f})")
    claim("from `butt up` to the first page, from nothing", first, GOAL, "s", "the goal")
    claim("from `butt up` to the first page, from nothing", first, floor, "s", "bare Django")
    claim("from `butt up` to the first page, with its home folder", later, floor, "s", "bare Django")


def up(home: Path) -> tuple[list[str], int]:
    """The command, and where its public server's port is in it."""
    public, private, _ = map(str, free_ports(3))
    command = [sys.executable, "-m", "butt", "up", "--home", str(home), "--private-port", private]
    return [*command, "--port", public], -1


def until_read(command: list[str], port: int) -> float:
    """Seconds from starting the command until the page at `/` of the port at this place in it is read."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    environment["BUTT_BILLING"] = "free"
    began = time.monotonic()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            while True:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{command[port]}/", timeout=10) as page:
                        page.read()
                        return time.monotonic() - began
                except OSError:
                    if process.poll() is not None:
                        raise RuntimeError(f"it ended with {process.returncode}") from None
                    time.sleep(0.01)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


if __name__ == "__main__":
    main()
