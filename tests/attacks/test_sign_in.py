"""Forty sign-ins at once take the memory of two, and delay nobody else."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter

import psutil

from tests.pages.server import Pages
from tests.service import wait_for
from tests.visitor import PASSWORD

AT_ONCE = 40
ONE_HASH = 46 << 20


class SignIn(threading.Thread):
    def __init__(self, server: Pages, number: int) -> None:
        super().__init__(daemon=True)
        who = {"email": f"nobody{number}@example.org", "password": PASSWORD}
        self._request = urllib.request.Request(
            f"{server.url}/authentication/sign-in",
            json.dumps(who).encode(),
            {"Content-Type": "application/json"},
        )
        self.status = 0

    def run(self) -> None:
        try:
            urllib.request.urlopen(self._request, timeout=60)
        except urllib.error.HTTPError as error:
            self.status = error.code


class Peak(threading.Thread):
    """The most memory that a process used while it was watched."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process, self.enough = psutil.Process(pid), threading.Event()
        self.before = self.most = self._process.memory_info().rss

    def run(self) -> None:
        while not self.enough.wait(0.005):
            self.most = max(self.most, self._process.memory_info().rss)


def test_forty_sign_ins_at_once_take_little_memory_and_delay_nobody(server: Pages):
    server.person("alice@example.org")
    peak = Peak(server.process.pid)
    peak.start()
    signing = [SignIn(server, number) for number in range(AT_ONCE)]
    for one in signing:
        one.start()
    while any(one.is_alive() for one in signing):
        with urllib.request.urlopen(f"{server.url}/up", timeout=20) as up:
            assert up.status == 200
        # Whoever asks without a pause takes most of the processor from those who sign in.
        time.sleep(0.02)
    wait_for(lambda: Counter(one.status for one in signing)[401] == AT_ONCE)
    peak.enough.set()
    peak.join()
    assert peak.most - peak.before < 2 * ONE_HASH + (30 << 20)
