"""What a machine reads and reports, and who may."""

import asyncio
import http.client
import io
import json
import tarfile
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from butt.agents.models import Agent
from butt.configuration import configuration
from butt.hosts.interface import Folder
from butt.machines import import_transfers, log_tails, tokens
from butt.machines.models import LogTail, Machine, Tombstone
from tests.exports.folders import fill
from tests.machines.machines import machine, placed_bot, report
from tests.people import person
from tests.private.test_agents import read
from tests.service import Service

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(settings: Any) -> Client:
    settings.ROOT_URLCONF = "butt.private.urls"
    settings.MIDDLEWARE = ["butt.private.gate.bearer"]
    return Client(raise_request_exception=False)


def bears(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def master() -> dict[str, str]:
    return bears(configuration().master_token())


def test_the_pillar_lists_everything_the_machine_should_run(client: Client, alices: Machine, bot: Agent):
    gone = uuid.uuid4()
    Tombstone.objects.create(machine=alices, bot_id=gone, generation=1)
    placed_bot(person("bob"), machine("m2"), "bobs")
    pillar = client.get("/agents/m1", headers=master()).json()["butt"]
    assert set(pillar) == {"schema", "agent", "generation", "complete", "bots", "deleted"}
    assert (pillar["schema"], pillar["agent"], pillar["generation"], pillar["complete"]) == (1, "m1", 1, True)
    assert list(pillar["bots"]) == [str(bot.id)]
    assert pillar["bots"][str(bot.id)]["run"] is True
    assert pillar["deleted"] == [str(gone)]


def test_an_unknown_machine_is_not_taken_for_one_without_bots(client: Client):
    assert client.get("/agents/unknown", headers=master()).status_code == 404


def test_contradicting_rows_give_no_answer(client: Client, alices: Machine, bot: Agent):
    Tombstone.objects.create(machine=alices, bot_id=bot.id, generation=1)
    assert client.get("/agents/m1", headers=master()).status_code == 503


def test_an_error_is_never_a_200(client: Client, alices: Machine, settings: Any):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE machines_placement RENAME TO elsewhere")
    answer = client.get("/agents/m1", headers=master())
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "broken"


def test_a_machines_token_only_reports_for_itself(client: Client, alices: Machine):
    token = tokens.issue(alices)
    machine("m2")

    def says(minion_id: str) -> int:
        path = f"/agents/{minion_id}/report"
        return client.post(path, report(), "application/json", headers=bears(token)).status_code

    assert says("m1") == 204
    assert says("m2") == 403
    for path in ("/agents", "/agents/m1", "/agents/m2", "/metrics"):
        assert client.get(path, headers=bears(token)).status_code == 403
    alices.refresh_from_db()
    assert alices.seen_at is not None
    assert Machine.objects.get(minion_id="m2").seen_at is None


def test_a_token_is_replaced_without_a_gap(client: Client, alices: Machine):
    old, new = tokens.issue(alices), tokens.issue(alices)

    def works(token: str) -> bool:
        return (
            client.post("/agents/m1/report", report(), "application/json", headers=bears(token)).status_code
            == 204
        )

    tokens.retire(alices, keep=new, at=timezone.now() + timedelta(minutes=1))
    assert works(old)
    assert works(new)
    tokens.retire(alices, keep=new, at=timezone.now())
    assert not works(old)
    assert works(new)


def test_the_masters_token_changes_without_a_restart(client: Client, alices: Machine):
    path = configuration().home / "private-token"
    old = configuration().master_token()
    try:
        path.write_text(f"brand-new\nsha256:{tokens.digest(old)}\n")
        assert client.get("/agents/m1", headers=bears("brand-new")).status_code == 200
        assert client.get("/agents/m1", headers=bears(old)).status_code == 200
        path.write_text("brand-new\n")
        assert client.get("/agents/m1", headers=bears(old)).status_code == 401
    finally:
        path.write_text(old)


def test_an_invalid_report_names_the_field(client: Client, alices: Machine):
    wrong = client.post(
        "/agents/m1/report", {**report(), "generation": -1}, "application/json", headers=master()
    )
    assert wrong.status_code == 422
    assert "generation" in wrong.json()["error"]["message"]
    garbage = client.post("/agents/m1/report", b"\xff", "application/json", headers=master())
    assert garbage.status_code == 422


@pytest.mark.parametrize("count", [1, 30])
def test_the_number_of_queries_does_not_grow_with_the_bots(
    client: Client, alices: Machine, count: int, django_assert_num_queries: Any
):
    for number in range(count):
        placed_bot(person(f"alice{number}"), alices, f"bot{number}")
    with django_assert_num_queries(1):
        client.get("/agents/m1", headers=master())


class TestOverHttp:
    """The listener itself, as a distant machine meets it."""

    @pytest.fixture
    def private(self, site: Service) -> str:
        return f"http://127.0.0.1:{site.private_port}"

    def test_the_public_server_has_none_of_these_paths(self, site: Service):
        token = (site.home / "private-token").read_text()
        for path in ("/agents/m1/report", f"/agents/m1/exports/{uuid.uuid4()}"):
            assert read(site.url + path, token)[0] in {401, 404, 405}

    def test_a_body_is_not_read_before_the_token_is_checked(self, site: Service):
        status, _ = self._put(site, "wrong", b"x" * 100)
        assert status == 401

    def test_an_unexpected_export_is_not_kept(self, site: Service):
        status, _ = self._put(site, (site.home / "private-token").read_text(), b"x" * 100)
        assert status == 404
        assert not (site.home / "uploads").exists()

    def test_a_report_without_end_is_cut_off(self, site: Service):
        token = (site.home / "private-token").read_text()
        connection = http.client.HTTPConnection("127.0.0.1", site.private_port, timeout=60)
        connection.putrequest("POST", "/agents/m1/report")
        connection.putheader("Authorization", f"Bearer {token}")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        sent, chunk = 0, b"x" * 65536
        try:
            while sent < 64 * 2**20:
                connection.send(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                sent += len(chunk)
            connection.send(b"0\r\n\r\n")
            assert connection.getresponse().status >= 400
        except OSError:
            pass
        assert read(f"http://127.0.0.1:{site.private_port}/agents", token)[0] == 200

    def _put(self, site: Service, token: str, body: bytes) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", site.private_port, timeout=30)
        path = f"/agents/m1/exports/{uuid.uuid4()}"
        connection.request("PUT", path, body, {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")


def test_a_log_is_accepted_while_somebody_reads_it(client: Client, alices: Machine, bot: Agent):
    path, token = f"/agents/m1/logs/{bot.id}", bears(tokens.issue(alices))
    assert client.put(path, "hello", headers=token).status_code == 404
    log_tails.want(bot.id)
    assert client.put(path, b"x" * log_tails.LONGEST + b"\xffend\0", headers=token).status_code == 204
    text = LogTail.objects.get().text
    assert len(text) <= log_tails.LONGEST
    assert text.endswith("\ufffdend")
    assert client.get(path, headers=token).status_code == 405
    others = bears(tokens.issue(machine("m2")))
    assert client.put(path, "lies", headers=others).status_code == 403
    assert client.put(f"/agents/m2/logs/{bot.id}", "lies", headers=others).status_code == 404


def test_imported_data_is_for_the_bots_own_machine_only(client: Client, alices: Machine, bot: Agent):
    path, token = f"/agents/m1/cargo/{bot.id}", bears(tokens.issue(alices))
    assert client.get(path, headers=token).status_code == 404
    fill(Folder(import_transfers.place_of(bot.id)))
    assert client.get(path, headers=master()).status_code == 403, "it holds a secret"
    others = bears(tokens.issue(machine("m2")))
    assert client.get(path, headers=others).status_code == 403
    assert client.get(f"/agents/m2/cargo/{bot.id}", headers=others).status_code == 404
    answer = client.get(path, headers=token)
    assert answer.status_code == 200
    tar = asyncio.run(_read(answer))
    assert len(tar) == int(answer["Content-Length"])
    with tarfile.open(fileobj=io.BytesIO(tar)) as files:
        assert {"secret", "gossip.json", "flume/log.offset"} <= set(files.getnames())
    import_transfers.forget(bot.id)
    assert client.get(path, headers=token).status_code == 404


async def _read(answer: Any) -> bytes:
    return b"".join([chunk async for chunk in answer.streaming_content])
