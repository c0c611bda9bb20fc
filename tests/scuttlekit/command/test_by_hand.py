"""The command `scuttlekit` as a person uses it, with a running pub."""

import asyncio
import base64
import json
import os
import re
import signal
import subprocess
import sysconfig
import tarfile
import time
from pathlib import Path

import pytest

from scuttlekit import InviteCode, KeyPair
from tests.lanes import free_ports

COMMAND = Path(sysconfig.get_path("scripts")) / "scuttlekit"
PATIENCE = 60


class ByHand:
    """Somebody at a terminal whose home is a folder of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / ".scuttlekit"
        self.screen = home / "screen"
        self.process: subprocess.Popen[bytes] | None = None

    def types(self, *words: str) -> str:
        """A command's output. Raises `RuntimeError` with its complaint."""
        done = subprocess.run(
            [COMMAND, *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        assert done.stderr == ""
        return done.stdout.strip()

    def starts(self, *words: str) -> str:
        """Start the pub, and wait until it says where it listens."""
        with self.screen.open("wb") as screen:
            self.process = subprocess.Popen(
                [COMMAND, "start", *words], env=self.environment, stdout=screen, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + PATIENCE
        while "listens" not in self.screen.read_text():
            assert self.process.poll() is None, self.screen.read_text()
            assert time.monotonic() < deadline, self.screen.read_text()
            time.sleep(0.02)
        return self.screen.read_text()

    def stops(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": os.environ["PATH"]}


@pytest.fixture
def person(tmp_path):
    person = ByHand(tmp_path)
    yield person
    if person.process and person.process.poll() is None:
        person.process.kill()
        person.process.wait()


@pytest.fixture
def port():
    return str(free_ports(1)[0])


def test_a_pub_by_two_commands(person, port):
    screen = person.starts("--external", "localhost", "--port", port)
    assert re.search(
        rf"^\d\d\d\d-\d\d-\d\d \d\d:\d\d:\d\d  The pub listens at net:localhost:{port}~shs:", screen
    )
    code = person.types("invite")
    guest = KeyPair.generate()
    invite = InviteCode.parse(code)
    assert invite.address.host == "localhost"
    assert asyncio.run(invite.use(guest.id))["value"]["content"]["contact"] == guest.id
    again = InviteCode.parse(person.types("invite", "--uses", "2", "--note", "n"))
    assert asyncio.run(again.use(guest.id)) is True, "whom the pub follows is welcome"
    assert person.stops() == 0
    assert "The pub has stopped." in person.screen.read_text()


def test_options_are_remembered(person, port):
    person.starts("--external", "pub.example.org", "--port", port, "--host", "127.0.0.1", "--hops", "1")
    own, address = person.types("whoami").splitlines()
    assert address == f"net:pub.example.org:{port}~shs:{own[1:].removesuffix('.ed25519')}"
    person.stops()
    person.starts()
    assert person.types("whoami").splitlines() == [own, address]
    assert json.loads((person.folder / "config.json").read_text())["hops"] == 1


def test_following_and_blocking(person, port):
    person.starts("--external", "localhost", "--port", port)
    feed = KeyPair.generate().id
    assert person.types("follow", feed) == f"The pub follows {feed}."
    assert person.types("follow", feed, "--undo") == f"The pub no longer follows {feed}."
    assert person.types("block", feed) == f"The pub blocks {feed}."
    assert person.types("block", feed, "--undo") == f"The pub no longer blocks {feed}."
    status = person.types("status")
    assert re.search(r"^messages +4 of 1 feeds, 4 of its own$", status, re.MULTILINE)
    assert re.search(r"^peers +0 came in, 0 dialled$", status, re.MULTILINE)


def test_a_backup_starts_elsewhere_and_catches_up_before_it_publishes(person, port, tmp_path):
    person.starts("--external", "localhost", "--port", port)
    person.types("follow", KeyPair.generate().id)
    person.types("invite")
    assert "Keep it safe" in person.types("backup", str(tmp_path / "pub.tar"))
    own = person.types("whoami")
    person.types("follow", KeyPair.generate().id)
    person.stops()

    (tmp_path / "elsewhere").mkdir()
    other = ByHand(tmp_path / "elsewhere")
    with tarfile.open(tmp_path / "pub.tar") as tar:
        assert tar.getmember("secret").mode == 0o400
        tar.extractall(other.folder, filter="data")
    try:
        other.starts()
        assert other.types("whoami") == own
        with pytest.raises(RuntimeError, match="catching up with its own messages"):
            other.types("follow", KeyPair.generate().id)
        assert "scuttlekit caught-up" in other.types("status")
        assert "1 uses left of 1 codes" in other.types("status")
        other.types("caught-up")
        other.types("follow", KeyPair.generate().id)
    finally:
        other.stops()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["start"], "start --external pub.example.org"),
        (["start", "--external", "not a host"], '"external" must be the host name'),
        (["start", "--external", "localhost", "--network", "AAAA"], '"caps" must be an object whose "shs"'),
        (["status"], "There is no pub in"),
        (["backup", "x.tar"], "There is no pub in"),
    ],
)
def test_errors_are_in_words(person, words, complaint):
    with pytest.raises(RuntimeError, match=re.escape(complaint)):
        person.types(*words)


def test_invalid_options_are_refused(person, port):
    person.starts("--external", "localhost", "--port", port)
    with pytest.raises(RuntimeError, match=r"a feed id must start with '@'"):
        person.types("follow", "alice")
    person.stops()
    with pytest.raises(RuntimeError, match=r"The pub does not answer: .* Start it with: scuttlekit start"):
        person.types("whoami")


def test_a_network_of_its_own(person, port):
    key = base64.b64encode(b"n" * 32).decode()
    person.starts("--external", "localhost", "--port", port, "--network", key)
    invite = InviteCode.parse(person.types("invite"))
    assert asyncio.run(invite.use(KeyPair.generate().id, network=b"n" * 32))
