"""A hostile machine with its own key and token: at a real master, it reaches nothing but what is its own."""

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from butt.configuration import configuration
from butt.hosts.salt import calls
from butt.hosts.salt.pushes import UNTOLD, Pusher
from butt.machines.keys import new_pair
from tests.machines.machines import machine
from tests.salt.land import run
from tests.salt.machine import SALT, Minion
from tests.salt.master import Master
from tests.salt.teller import Teller
from tests.service import wait_for

VICTIM = "victim"

_SENDS = """
import json, sys, salt.config, salt.channel.client
config, name, loads = sys.argv[1:]
opts = dict(salt.config.minion_config(config), id=name)
opts["master_uri"] = f"tcp://{opts['master']}:{opts['master_port']}"
with salt.channel.client.ReqChannel.factory(opts, crypt="aes") as channel:
    for load in json.loads(loads):
        try:
            if load["cmd"] == "_pillar":
                said = channel.crypted_transfer_decode_dictentry(load, dictkey="pillar", timeout=10, tries=1)
            else:
                said = channel.send(load, timeout=10, tries=1)
        except Exception as error:
            said = f"refused: {error}"
        print(repr(said).replace(chr(10), " "), flush=True)
"""


class Hostile:
    """Speaks to the master with the key of `minion`, in any way it likes."""

    def __init__(self, minion: Minion) -> None:
        self._minion = minion

    def sends(self, *loads: dict[str, Any], name: str = "") -> list[str]:
        """What the master answers to each, as far as it does."""
        config = str(self._minion.folder / "etc" / "minion")
        program = ["timeout", "20", str(SALT / "python"), "-c", _SENDS, config]
        given = [{"id": name or self._minion.id, **load} for load in loads]
        command = self._minion.place.command(*program, name or self._minion.id, json.dumps(given))
        return run(*command, check=False, timeout=60).splitlines()


@pytest.fixture
def hostile(joined: Minion, teller: Teller) -> Hostile:
    teller.tells(joined.id, {str(uuid.uuid4()): {"address": "own.butt.nz"}})
    return Hostile(joined)


@pytest.fixture
def victim(master: Master, teller: Teller) -> Iterator[str]:
    """Another machine that the master knows, and that is not running now."""
    teller.tells(VICTIM, {str(uuid.uuid4()): {"address": "victims.butt.nz"}})
    key = master.keys / "minions" / VICTIM
    key.write_text(new_pair()[1])
    yield VICTIM
    key.unlink()


def pillar(of: str, **more: Any) -> dict[str, Any]:
    plain = {
        "grains": {},
        "saltenv": "base",
        "pillarenv": None,
        "pillar_override": {},
        "extra_minion_data": {},
    }
    return {"cmd": "_pillar", "id": of, "ver": "2", **plain, **more}


def test_it_reads_no_pillar_but_its_own(
    hostile: Hostile, joined: Minion, victim: str, teller: Teller, tmp_path: Path
):
    url, touched = f"{teller.url}/agents/{victim}", tmp_path / "touched"
    detours = [
        {"http_json": {"url": url, "token_file": "/dev/null"}},
        {"cmd_yaml": f"touch {touched}; curl {url}"},
    ]
    own = pillar(joined.id)
    with ThreadPoolExecutor(3) as pool:
        attempts = [
            pool.submit(hostile.sends, own, *(pillar(joined.id, ext=detour) for detour in detours)),
            pool.submit(hostile.sends, pillar(victim)),
            pool.submit(hostile.sends, pillar(victim), name=victim),
        ]
    first, asked, posed = (attempt.result() for attempt in attempts)
    assert "own.butt.nz" in first[0]
    assert not any("victims" in said for said in [*first, *asked, *posed])
    assert not touched.exists(), "nor has it the master run a program"


def file(path: str) -> dict[str, Any]:
    return {"cmd": "_serve_file", "path": path, "saltenv": "base", "loc": 0}


def test_it_reaches_only_files_that_all_may_read(
    hostile: Hostile, joined: Minion, master: Master, victim: str
):
    secret = (master.keys / "master.pem").read_text().splitlines()[1]
    up = "../" * 12
    public, *stolen = hostile.sends(
        file("butt/init.sls"),
        file(f"{up}{master.keys}/master.pem".replace("//", "/")),
        file(f"{master.keys}/master.pem"),
        file(f"|{up}{master.keys}/master.pem"),
        {"cmd": "_file_list", "saltenv": "base", "prefix": up},
    )
    assert "butt.states" in public
    assert len(stolen) == 4
    assert not any(secret in said or "master.pem" in said for said in stolen)
    mark = uuid.uuid4().hex
    left = {"path": [mark], "loc": 0, "size": 4, "data": "evil"}
    hostile.sends(
        {"cmd": "_file_recv", **left},
        {"cmd": "_file_recv", **left, "path": ["..", "..", "..", mark]},
        {"cmd": "_mine", "data": {mark: "mined"}},
    )
    assert not list(master.folder.rglob(f"*{mark}*")), "nor does it leave one"


def test_it_cannot_make_others_do_anything(hostile: Hostile, joined: Minion, master: Master, victim: str):
    jobs = {path.parent for path in master.jobs()}
    wish = {"fun": "test.ping", "arg": [], "tgt": "*", "tgt_type": "glob", "ret": "", "tmo": 1}
    answers = hostile.sends(
        {"cmd": "minion_pub", **wish},
        {"cmd": "minion_publish", **wish},
        {"cmd": "minion_runner", "fun": "manage.status", "arg": []},
        {"cmd": "_mine_get", "tgt": "*", "fun": "grains.items", "tgt_type": "glob"},
        {"cmd": "pub_ret", "jid": next(iter(master.jobs())).read_text()},
    )
    assert len(answers) == 5
    assert not [
        said for said in answers if said not in {"{}", "None", "False", "''"} and "refused" not in said
    ]
    assert {path.parent for path in master.jobs()} == jobs
    hostile.sends({"cmd": "revoke_auth", "id": victim})
    assert {victim, joined.id} <= {key.name for key in (master.keys / "minions").iterdir()}


@pytest.fixture
def caller(master: Master, monkeypatch: pytest.MonkeyPatch) -> Iterator[calls.Master]:
    """The service's way to machines, with enough time for one that answers in another's name."""
    monkeypatch.setattr(calls, "PATIENCE", 30)
    monkeypatch.setenv("BUTT_SALT_CONFIG", str(master.config))
    monkeypatch.setenv("BUTT_SALT_PROGRAMS", str(SALT))
    configuration.cache_clear()
    yield calls.Master()
    monkeypatch.undo()
    configuration.cache_clear()


LIES = ["send your money to mallory"]
WELL = {"report": {"__id__": "report", "result": True, "data": {"generation": 1, "bots": {}}}}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lie", [LIES, WELL], ids=["words", "success"])
@pytest.mark.parametrize("way", ["an event", "a return"])
def test_what_it_says_in_anothers_name_is_not_believed(
    way: str, lie: Any, hostile: Hostile, joined: Minion, master: Master, victim: str, caller: calls.Master
):
    """Every machine learns which job was given to which; and the master passes on any machine's result for
    it.
    """
    before = set(master.jobs())
    row = machine(victim, generation=1)
    pusher = Pusher(caller)
    pusher.push(row, new=True)
    (job,) = wait_for(lambda: set(master.jobs()) - before)
    jid = job.read_text()
    said = {"jid": jid, "retcode": int(lie is LIES), "return": lie, "fun": "state.apply", "success": True}
    if way == "an event":
        tag = f"salt/job/{jid}/ret/{victim}"
        hostile.sends({"cmd": "_minion_event", "events": [{"tag": tag, "data": {**said, "id": victim}}]})
    else:
        hostile.sends({"cmd": "_return", **said, "resource_id": victim})

    pusher.rest()
    row.refresh_from_db()
    assert row.trouble == UNTOLD
    assert row.seen_generation == 0
