import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service import Service


def doctor(home: Path, **settings: object) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    environment |= {f"BUTT_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "butt", "doctor", "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)


def test_doctor_says_when_all_is_well(site: Service):
    done = doctor(site.home, billing="free", pub_ports=site.environment["BUTT_PUB_PORTS"])
    assert done.returncode == 0, done.stdout
    assert "All is well." in done.stdout
    assert "✗" not in done.stdout


def test_stripe_with_only_one_key_is_reported(tmp_path: Path):
    done = doctor(tmp_path, stripe_secret_key="sk_live_one")
    assert "Set BUTT_STRIPE_PUBLISHABLE_KEY and BUTT_STRIPE_WEBHOOK_SECRET too." in done.stdout
    assert "sk_live_one" not in done.stdout


def test_a_host_that_apps_refuse_is_reported(tmp_path: Path):
    done = doctor(tmp_path, domain="butt.nz", pub_address="server")
    assert done.returncode == 1
    assert "✗ Apps refuse the invites of bots at “server”" in done.stdout


def test_stripe_with_keys_of_two_modes_is_reported(tmp_path: Path):
    done = doctor(tmp_path, stripe_secret_key="sk_live_one", stripe_publishable_key="pk_test_two")
    assert "Set two keys of the same mode." in done.stdout


def test_doctor_says_what_to_do_in_an_empty_home(tmp_path: Path):
    done = doctor(tmp_path / "new")
    assert done.returncode == 1
    assert "butt manage migrate" in done.stdout
    assert "Run `butt up`: it builds the pub." in done.stdout


def test_an_unreachable_database_is_reported_in_words(tmp_path: Path):
    done = doctor(tmp_path, database_url="postgres://butt@127.0.0.1:1/butt")
    assert done.returncode == 1
    assert "The database does not answer" in done.stdout
    assert "Traceback" not in done.stderr


def test_what_containers_lack_is_reported_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nowhere")
    said = doctor(tmp_path, host="salt", salt_programs=tmp_path).stdout
    assert "Run `make salt`" in said
    assert "Install docker.io" in said
    assert "No machine runs bots yet" not in said
    done = doctor(tmp_path, host="salt", salt="master", database_url=f"sqlite:///{tmp_path}/empty")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_an_invalid_setting_is_reported_in_one_line(tmp_path: Path):
    done = doctor(tmp_path, port="many")
    assert done.returncode == 78
    assert done.stderr.startswith("butt: BUTT_PORT: ")
    assert "Traceback" not in done.stderr


def test_when_no_bot_can_listen_doctor_names_the_setting(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = doctor(tmp_path, pub_ports=f"{port}-{port}")
    assert "BUTT_PUB_PORTS" in done.stdout


def test_what_makes_no_sense_together_or_is_misspelled_is_told(tmp_path: Path):
    said = doctor(
        tmp_path,
        databse_url="postgres:///butt",
        bind="192.0.2.1",
        vault="s3://bucket",
        vault_key="mine",
        backup_to=f"file://{tmp_path}/backups",
    ).stdout
    assert "✗ There is no setting BUTT_DATABSE_URL.\n  → Is it BUTT_DATABASE_URL?" in said
    assert "  → Set BUTT_BIND to an address of this machine, or another port." in said
    assert "✗ The vault cannot be used: BUTT_VAULT_KEY is no public age key" in said
    assert "✗ There is no key to encrypt backups with.\n  → A backup that leaves this machine" in said
