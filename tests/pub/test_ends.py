"""Each reason for which a pub ends by itself: its exit code and its one clear line."""

import json
import shutil
import signal
import socket
import subprocess
from contextlib import suppress

import pytest

from butt.sources.releases import Built
from tests.disks import disk, fill
from tests.pub.pubs import is_root


def assert_ends(pub, code, event, *words):
    assert pub.ended() == code
    errors = [line for line in pub.lines if line["level"] == "error"]
    assert [(line["code"], line["event"]) for line in errors] == [(code, event)]
    assert pub.lines[-1] == errors[0]
    for word in words:
        assert word in errors[0]["message"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "is not JSON"),
        ("[]", "must be a JSON object"),
        ("{}", 'lacks "path"'),
    ],
)
def test_an_invalid_config_is_refused(make_pub, text, word):
    assert_ends(make_pub().spawn(text), 78, "bad-config", word)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("port", "abc"),
        ("port", 0),
        ("port", 65536),
        ("host", "not a host"),
        ("path", "relative/folder"),
        ("master", ["@nobody"]),
        ("caps", {"shs": "short"}),
        ("sequence", -1),
        ("launch", 1.5),
        ("external", ""),
        ("colour", "red"),
    ],
)
def test_a_wrong_field_is_named(make_pub, field, value):
    assert_ends(make_pub(**{field: value}).spawn(), 78, "bad-config", f'"{field}"')


def test_a_missing_config_is_refused(make_pub):
    pub = make_pub()
    done = subprocess.run(
        [*Built(pub.release.name, pub.release).command, "/nowhere/config.json"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 78
    assert "cannot be read" in json.loads(done.stdout)["message"]
    assert done.stderr == b""


def test_a_taken_port(make_pub):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        pub = make_pub(port=port).spawn()
        assert_ends(pub, 65, "port-taken", str(port))
    assert not (pub.data / "secret").exists()


def test_a_host_of_another_machine(make_pub):
    assert_ends(make_pub(host="192.0.2.1").spawn(), 64, "host-not-assignable", "192.0.2.1")


def test_a_folder_that_is_in_use(make_pub, pub):
    second = make_pub("second", path=str(pub.data)).spawn()
    assert_ends(second, 66, "folder-in-use", str(pub.data))
    assert pub.process.poll() is None


def test_an_invalid_folder(make_pub, tmp_path):
    (tmp_path / "file").touch()
    assert_ends(make_pub(path=str(tmp_path / "file")).spawn(), 71, "folder-unusable")


@pytest.mark.parametrize(
    "text", ["", "nonsense", json.dumps({"curve": "ed25519", "public": "x", "private": "y"})]
)
def test_a_damaged_secret(make_pub, text):
    pub = make_pub()
    pub.data.mkdir(parents=True)
    (pub.data / "secret").write_text(text)
    assert_ends(pub.spawn(), 67, "secret-damaged")


def test_a_missing_secret_of_a_feed_with_messages(make_pub):
    assert_ends(make_pub(sequence=3).spawn(), 67, "secret-damaged", "3 messages")


class TestALogThatFellBehind:
    @pytest.fixture
    def spoken(self, pub, client):
        """A pub that has published three messages and was stopped; `old` beside its data is a copy after two."""
        for number in range(2):
            client.call(pub, "publish", {"type": "post", "text": str(number)})
        pub.stop()
        shutil.copytree(pub.data, pub.folder / "old")
        pub.start()
        client.call(pub, "publish", {"type": "post", "text": "2"})
        pub.stop()
        return pub

    def test_a_whole_log_starts(self, spoken):
        spoken.config["sequence"] = 3
        spoken.start()

    def test_a_deleted_log(self, spoken):
        shutil.rmtree(spoken.data / "flume")
        assert_ends(spoken.spawn(), 68, "log-behind", "message 0", "reached 3")

    def test_a_log_deleted_without_its_indexes(self, spoken):
        (spoken.data / "flume" / "log.offset").unlink()
        assert_ends(spoken.spawn(), 68, "log-behind", "message 0", "reached 3")

    def test_a_log_cut_in_a_record(self, spoken):
        log = spoken.data / "flume" / "log.offset"
        with log.open("r+b") as file:
            file.truncate(log.stat().st_size - 20)
        assert_ends(spoken.spawn(), 68, "log-behind", "message 2", "reached 3")

    def test_an_older_log(self, spoken):
        shutil.copy(spoken.folder / "old" / "flume" / "log.offset", spoken.data / "flume" / "log.offset")
        assert_ends(spoken.spawn(), 68, "log-behind", "message 2", "reached 3")

    def test_an_older_copy_of_everything(self, spoken):
        shutil.rmtree(spoken.data)
        shutil.copytree(spoken.folder / "old", spoken.data)
        spoken.config["sequence"] = 3
        assert_ends(spoken.spawn(), 68, "log-behind", "message 2", "reached 3")

    def test_nobody_can_connect_meanwhile(self, spoken):
        spoken.config["sequence"] = 9
        spoken.spawn()
        assert_ends(spoken, 68, "log-behind", "reached 9")
        assert spoken.event("listening") is None


@pytest.mark.parametrize(
    ("at", "damage"),
    [(4, b"!" * 20), (0, b"\x7f\xff\xff\xff"), (0, b"\x00\x00\x00\x05"), (0, b"\x00\x00\xff\xff")],
    ids=["no JSON", "endless", "too short", "past the end"],
)
def test_a_log_with_a_broken_record(pub, client, at, damage):
    for number in range(3):
        client.call(pub, "publish", {"type": "post", "text": str(number)})
    pub.stop()
    log = pub.data / "flume" / "log.offset"
    with log.open("r+b") as file:
        file.seek(at)
        file.write(damage)
    for index in (pub.data / "flume").iterdir():
        if index != log:
            shutil.rmtree(index) if index.is_dir() else index.unlink()
    assert_ends(pub.spawn(), 69, "log-damaged")


@pytest.mark.skipif(not is_root(), reason="only root can mount a disk")
class TestADiskThatIsFull:
    def test_a_full_disk_at_the_start(self, make_pub):
        pub = make_pub()
        with disk(pub.data, "512k"):
            assert_ends(pub.spawn(), 74, "disk-full")

    def test_a_full_disk_while_running(self, make_pub, client):
        pub = make_pub()
        with disk(pub.data, "4m"):
            pub.start()
            fill(pub.data / "filler")
            with suppress(RuntimeError, ValueError):
                for _ in range(50):
                    client.call(pub, "publish", {"type": "post", "text": "x" * 4000})
            assert_ends(pub, 74, "disk-full")
            (pub.data / "filler").unlink()
            pub.start()
            pub.stop(signal.SIGKILL)
