"""The command for people, against a whole running service."""

import io
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scuttlekit import Address, KeyPair
from tests.lanes import free_ports
from tests.people import PASSWORD
from tests.service import Service

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def butt(tmp_path: Path) -> Run:
    """The command, run by a person who has their own configuration folder and none of the service's
    settings.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    environment |= {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PYTHONPATH": str(Path.cwd())}

    def run(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "butt", *arguments]
        more = {"cwd": tmp_path, "env": environment | more.pop("environment", {}), **more}
        more = {"capture_output": True, "text": True, "timeout": 120, **more}
        return subprocess.run(command, check=False, **more)

    return run


def logs_in(butt: Run, site: Service, email: str) -> None:
    done = butt("login", site.url, "--email", email, "--password", PASSWORD)
    assert done.returncode == 0, done.stderr


def test_from_login_to_a_stopped_bot(site: Service, butt: Run, tmp_path: Path):
    alice = site.person("alice@example.org")
    logs_in(butt, site, "alice@example.org")
    assert butt("bots").stdout == "You have no bots.\n"
    bot = alice.names_a_bot("termy")
    alice.waits_for("alive", bot)

    assert butt("bots").stdout == "termy  #alive\n"
    told = butt("status", "termy.localhost").stdout
    assert told.startswith("status: #alive\nuptime: ")
    assert alice.sees(bot)["ssbId"] in told
    assert json.loads(butt("bots", "--json").stdout)[0]["id"] == bot["id"]

    stopped = butt("stop", "termy")
    assert stopped.stdout.splitlines()[-1] == "#stopped"
    assert alice.sees(bot)["state"] == "stopped"
    assert json.loads(butt("start", "termy", "--json").stdout)["state"] == "alive"
    refused = butt("start", "termy")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: ")


def test_making_an_invite_and_an_export(site: Service, butt: Run, tmp_path: Path):
    erin = site.person("erin@example.org")
    bot = erin.waits_for("alive", erin.names_a_bot("erins"))
    logs_in(butt, site, "erin@example.org")

    code, page = butt("invite", "erins", "--for", "frank", "--uses", "2").stdout.splitlines()
    (made,) = erin.call("GET", f"/agents/{bot['id']}/invites")["invites"]
    assert (made["name"], made["uses"], made["code"], made["url"]) == ("frank", 2, code, page)

    told = f"3 a day, 3 left today\n{site.url}/@erins\n"
    assert [butt("open", "erins", *asked).stdout for asked in (("--a-day", "3"), ())] == [told, told]
    assert erin.call("GET", f"/agents/{bot['id']}/open-invites")["aDay"] == 3
    assert "100" in butt("open", "erins", "--a-day", "101").stderr

    assert butt("people", "erins").stdout == "erin@example.org  owner\n"
    assert "at least one owner" in butt("people", "erins", "erin@example.org", "--role", "moderator").stderr

    done = butt("export", "erins", "secret")
    assert done.returncode == 0, done.stderr
    assert "forks its feed for ever" in done.stderr
    taken = tmp_path / "secret"
    assert bot["ssbId"].encode() in taken.read_bytes()
    assert stat.S_IMODE(taken.stat().st_mode) == 0o600
    again = butt("export", "erins", "secret")
    assert again.stderr == "Error: secret exists. Give another name with --to.\n"
    packed = io.BytesIO(butt("export", "erins", "all", "--to", "-", text=False).stdout)
    with tarfile.open(fileobj=packed) as tar:
        assert {"secret", "flume/log.offset"} <= set(tar.getnames())


def test_the_token_is_stored_for_its_owner_only_and_can_be_removed(site: Service, butt: Run, tmp_path: Path):
    site.person("bob@example.org")
    logs_in(butt, site, "bob@example.org")
    kept = tmp_path / "config" / "butt" / "login.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert PASSWORD not in kept.read_text()
    assert butt("logout").stdout == "You are logged out.\n"
    assert not kept.exists()
    assert butt("logout").stdout == "You were not logged in.\n"


def test_each_command_has_json_and_none_prints_the_token(site: Service, butt: Run, tmp_path: Path):
    gail = site.person("gail@example.org")
    bot = gail.waits_for("alive", gail.names_a_bot("gails"))

    def told(*words: str) -> Any:
        done = butt(*words, "--json")
        assert done.returncode == 0, done.stderr
        kept = json.loads((tmp_path / "config" / "butt" / "login.json").read_text())
        assert kept["token"] not in done.stdout
        return json.loads(done.stdout)

    entry = told("login", site.url, "--email", "gail@example.org", "--password", PASSWORD)
    assert (entry["url"], entry["agent"]["id"]) == (site.url, gail.id)
    assert [each["id"] for each in told("bots")] == [bot["id"]]
    assert told("status", "gails")["ssbId"] == bot["ssbId"]
    assert told("invite", "gails")["uses"] == 1
    assert told("upgrade", "gails")["state"] == told("restart", "gails")["state"] == "alive"
    assert told("stop", "gails")["state"] == "stopped"
    assert told("start", "gails")["state"] == "alive"
    taken = told("export", "gails", "log")
    assert taken == {"part": "log", "file": "log.offset", "size": (tmp_path / "log.offset").stat().st_size}


def test_errors_are_one_line(site: Service, butt: Run, tmp_path: Path):
    nobody = butt("bots")
    assert (nobody.returncode, nobody.stderr) == (1, "Error: You are not logged in. Run `butt login URL`.\n")

    site.person("carol@example.org")
    wrong = butt("login", site.url, "--email", "carol@example.org", "--password", "wrong")
    assert wrong.stderr == "Error: Wrong email or password.\n"

    (port,) = free_ports(1)
    away = butt("login", f"http://127.0.0.1:{port}", "--email", "a@b.org", "--password", "x")
    assert away.stderr.startswith(f"Error: http://127.0.0.1:{port} cannot be reached: ")
    private = butt("login", f"http://127.0.0.1:{site.private_port}", "--email", "a@b.org", "--password", "x")
    assert private.returncode == 1
    assert private.stderr.count("\n") == 1

    logs_in(butt, site, "carol@example.org")
    assert butt("status", "nothere").stderr == (
        "Error: You have no bot called “nothere”. `butt bots` lists those you have.\n"
    )
    kept = tmp_path / "config" / "butt" / "login.json"
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "token": "old"}))
    assert "Run `butt login` again." in butt("bots").stderr
    kept.write_text("rubbish")
    assert butt("bots").stderr == nobody.stderr


def test_the_shell_completes_commands_and_the_names_of_bots(site: Service, butt: Run):
    dave = site.person("dave@example.org")
    dave.names_a_bot("davina")
    dave.names_a_bot("doris")
    assert "_BUTT_COMPLETE=bash_complete" in butt("completion", "bash").stdout

    def completed(*words: str) -> list[str]:
        typed = {"COMP_WORDS": " ".join(["butt", *words]), "COMP_CWORD": str(len(words))}
        done = butt(environment={"_BUTT_COMPLETE": "bash_complete", **typed})
        return [line.partition(",")[2] for line in done.stdout.split()]

    assert completed("stat") == ["status"]
    assert completed("status", "d") == []
    logs_in(butt, site, "dave@example.org")
    assert completed("status", "d") == ["davina", "doris"]
    assert completed("status", "dor") == ["doris"]


def test_announcing_and_connecting_a_bot(site: Service, butt: Run):
    nina = site.person("nina@example.org")
    logs_in(butt, site, "nina@example.org")
    assert butt("create", "ninas", "--network", "oasis").stdout == "Made ninas, a pub in the network oasis.\n"
    assert "a network is" in butt("create", "other", "--network", "elsewhere").stderr.lower()
    (bot,) = (seen for seen in nina.call("GET", "/agents")["agents"] if seen["name"] == "ninas")
    nina.waits_for("alive", bot)

    told = butt("network", "ninas", "--announce").stdout
    assert told == "network: oasis\nhops: 2\nannounced: yes\n"
    feed = KeyPair.generate().id
    assert butt("follow", "ninas", feed).stdout == f"ninas follows {feed}.\n"
    assert butt("follow", "ninas", feed, "--stop").stdout == f"ninas does not follow {feed}.\n"
    told = butt("limits", "ninas", "--disk-gib", "2", "--far-blob-days", "30", "--traffic-gib", "5").stdout
    assert told.startswith("disk: 2 GiB\nfarBlobDays: 30\ntraffic: 5 GiB\n")
    assert re.search(r"^traffic in 20\d\d-\d\d: \d.* in, \d.* out$", told, re.MULTILINE)
    assert "disk" not in json.loads(butt("limits", "ninas", "--disk-gib", "0", "--json").stdout)["limits"]
    assert butt("block", "ninas", feed).stdout == f"ninas blocks {feed}.\n"
    assert butt("members", "ninas").stdout == f"{feed}  blocks  0 messages, 0 B  \n"
    (member,) = json.loads(butt("members", "ninas", "--relation", "blocks", "--json").stdout)
    assert (member["ssbId"], member["relation"]) == (feed, "blocks")
    assert butt("block", "ninas", feed, "--undo").stdout == f"ninas does not block {feed}.\n"
    assert butt("members", "ninas", "--search", "frida").stdout == ""
    assert "sorted by" in butt("members", "ninas", "--sort", "love").stderr
    nowhere = Address("127.0.0.1", free_ports(1)[0], feed).multiserver
    refused = butt("join", "ninas", nowhere)
    assert refused.returncode == 1
    assert "cannot be reached" in refused.stderr
    assert nowhere in butt("network", "ninas").stdout
