"""Installing is a list of steps that can be begun again at any time: on a machine in a folder."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click import ClickException
from hypothesis import given, settings
from hypothesis import strategies as st

from butt.command.install import _in_words
from butt.installing import InstallError
from butt.installing.debian import check_system
from butt.installing.proxy import LINE
from butt.installing.settings import SETTINGS
from butt.installing.steps import BEGUN, DONE, TO_DO
from butt.installing.system import System
from tests.installing.machine import Machine


class Says(BaseHTTPRequestHandler):
    answer = b'{"ready": true, "checks": {}}'

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def ready() -> Iterator[int]:
    """The port of a service that says it is ready."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Says) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def machine(tmp_path: Path, ready: int) -> Machine:
    return Machine(tmp_path / "machine", ready)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, ready: int) -> Machine:
    machine = Machine(tmp_path_factory.mktemp("installed") / "machine", ready)
    told = machine.installs()
    assert BEGUN in told
    return machine


def test_a_dry_run_says_what_it_would_do_and_does_nothing(machine: Machine):
    before = machine.files()
    told = machine.installs(dry_run=True)
    # That the service is ready is said by something else here, and is so already.
    assert told == [*[TO_DO] * (len(told) - 1), DONE]
    assert (machine.files(), machine.was_told()) == (before, [])


def test_the_second_time_there_is_nothing_to_do(installed: Machine):
    before, told = installed.files(), installed.was_told()
    assert set(installed.installs()) == {DONE}
    assert (installed.files(), installed.was_told()) == (before, told)


def test_secrets_are_for_root_alone_and_in_no_argument_of_a_program(installed: Machine):
    text, mode = installed.files()[SETTINGS.lstrip("/")]
    assert mode == 0o600
    assert "BUTT_EMAIL_URL=smtp://mail.example.org:25\n" in text
    assert "smtp:" not in "".join(installed.was_told())
    for place, (_, others) in installed.files().items():
        if place.startswith("etc/systemd/"):
            assert others == 0o644


@settings(max_examples=5)
@given(moment=st.integers(0, 1000))
def test_whenever_the_power_fails_the_next_run_ends_it(
    moment: int, installed: Machine, tmp_path_factory: pytest.TempPathFactory
):
    machine = Machine(tmp_path_factory.mktemp("interrupted") / "machine", installed.port)
    machine.loses_power(moment % (2 * len(installed.was_told())))
    with suppress(InstallError):
        machine.installs()
    assert not machine.has_power_to_lose(), "it failed at that moment"
    machine.installs()
    assert set(machine.installs()) == {DONE}
    assert machine.files() == installed.files()


def test_a_setting_that_was_changed_restarts_what_reads_it(machine: Machine):
    machine.installs()
    path = machine.root / SETTINGS.lstrip("/")
    path.write_text(f"{path.read_text()}BUTT_SITE_NAME='Our pubs'\n")
    machine.was_started_long_ago()
    told = machine.installs()
    assert told.count(BEGUN) == 2
    assert "BUTT_SITE_NAME='Our pubs'" in path.read_text()
    assert set(machine.installs()) == {DONE}


def test_the_proxy_follows_the_servers_to_where_they_listen(machine: Machine):
    machine.installs()
    path = machine.root / SETTINGS.lstrip("/")
    path.write_text(f"{path.read_text()}BUTT_BIND=::\nBUTT_PORT=9000\nBUTT_PRIVATE_BIND=127.0.0.1\n")
    machine.installs()
    files = machine.files()
    assert "ListenStream=[::]:9000\n" in files["etc/systemd/system/butt@public.socket"][0]
    proxy, _ = files["etc/systemd/system/caddy.service.d/butt.conf"]
    assert "Environment=BUTT_PUBLIC=[::1]:9000\n" in proxy
    assert f"Environment=BUTT_PRIVATE=127.0.0.1:{machine.port}\n" in proxy
    assert set(machine.installs()) == {DONE}


def test_a_database_server_that_was_switched_off_is_switched_on_and_its_database_stays(machine: Machine):
    machine.installs()
    (machine.tools / "state" / "enabled.postgresql").unlink()
    assert machine.installs().count(BEGUN) == 1
    assert machine.was_told().count("keep databases butt") == 1


def test_uninstalling_takes_all_but_the_data(machine: Machine):
    before = machine.files()
    machine.installs()
    (machine.root / "var/lib/butt/identity").write_text("the master of every bot")
    told = machine.uninstalls()
    left = machine.files()
    assert left.pop("var/lib/butt/identity")
    passwd, _ = left.pop("etc/passwd")
    assert "\nbutt:" in passwd, "the data is its own"
    left.pop("run/butt-install.lock", None)
    before.pop("etc/passwd")
    assert left == before
    said = " ".join(told.values())
    for how in ("rm -r /var/lib/butt", "dropdb butt", "userdel butt"):
        assert how in said
    assert not list((machine.tools / "state").glob("enabled.butt*"))


def test_where_there_is_no_data_the_user_goes_too(machine: Machine):
    machine.installs()
    machine.uninstalls()
    assert "\nbutt:" not in (machine.root / "etc/passwd").read_text()


def test_uninstalling_twice_takes_nothing_more(machine: Machine):
    machine.installs()
    machine.uninstalls()
    before = machine.files()
    machine.uninstalls()
    assert machine.files() == before


def test_a_configuration_of_caddy_that_is_somebodys_own_stays(machine: Machine):
    own = "other.example.org {\n\trespond hello\n}\n"
    machine.has("etc/caddy/Caddyfile", own)
    with pytest.raises(InstallError, match=r"import /etc/caddy/butt\.caddyfile"):
        machine.installs()
    assert (machine.root / "etc/caddy/Caddyfile").read_text() == own
    machine.has("etc/caddy/Caddyfile", LINE + own)
    machine.installs()
    assert set(machine.installs()) == {DONE}
    machine.uninstalls()
    assert (machine.root / "etc/caddy/Caddyfile").read_text() == own


def test_a_user_of_that_name_who_is_somebody_else_is_left_alone(machine: Machine):
    machine.has("etc/passwd", "butt:x:1000:1000::/home/butt:/bin/bash\n")
    with pytest.raises(InstallError, match="/home/butt"):
        machine.installs()


def test_what_a_program_said_is_in_the_error(tmp_path: Path):
    system = System(tmp_path)
    with pytest.raises(
        InstallError, match=r"(?s)`sh -c .*` failed with 3:\n    no route to host\n.*`butt install` again"
    ):
        system.run("sh", "-c", "echo no route to host >&2; exit 3")
    with pytest.raises(InstallError, match=r"`no-such-program` cannot be run: no such file or directory\."):
        system.run("no-such-program")
    with pytest.raises(InstallError, match="took longer than 0 seconds"):
        system.run("sleep", "20", seconds=0.01)


def test_a_full_disk_and_settings_that_are_no_text_are_told_in_words(machine: Machine):
    with (
        pytest.raises(ClickException, match=r"no space left on device\. Fix that and run the command again"),
        _in_words(),
    ):
        Path("/dev/full").write_text("settings")
    (machine.root / "settings").write_bytes(b"BUTT_PRICE=5\nBUTT_SITE_NAME=B\xfccher\n")
    with pytest.raises(InstallError, match="settings is not UTF-8 text, in line 2"), _in_words():
        machine.system.read("settings")


def test_settings_of_the_service_reach_no_program_that_needs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BUTT_STRIPE_SECRET_KEY", "sk_live_secret")
    assert "sk_live_secret" not in System(tmp_path).run("env")


def test_one_at_a_time(tmp_path: Path):
    system = System(tmp_path)
    with system.alone(), pytest.raises(InstallError, match="Wait until it ends"), system.alone():
        pass


def test_on_another_system_nothing_is_begun(machine: Machine, tmp_path: Path):
    program = tmp_path / "butt"
    machine.has("etc/os-release", 'ID=ubuntu\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04"\n')
    with pytest.raises(InstallError, match=r"for Debian 12 and 13, and this system is Ubuntu 24\.04"):
        check_system(machine.system, program)
    machine.has("etc/os-release", 'ID=debian\nVERSION_ID="13"\n')
    with pytest.raises(InstallError, match="systemd is not the first process"):
        check_system(machine.system, program)
    (machine.root / "run/systemd/system").mkdir(parents=True)
    with pytest.raises(
        InstallError, match=r"/root, which is hidden from the service\. Install the service where"
    ):
        check_system(machine.system, Path("/root/venv/bin/butt"))
    tmp_path.chmod(0o700)
    with pytest.raises(InstallError, match=r"(closed to other users|hidden from the service)\. Install"):
        check_system(machine.system, program)
