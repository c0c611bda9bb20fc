"""`/up` and `/ready` of both servers, and what makes the service not ready."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from butt.beats.heart import Heart
from butt.billing.chosen import billing
from butt.configuration import configuration
from butt.health import readiness
from butt.health.checks import mail, payments, salt_master
from butt.sources.models import Release
from tests.lanes import free_ports

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    readiness.forget()
    yield
    readiness.forget()


@pytest.fixture
def all_live() -> None:
    for part in ("steward", "monitor"):
        Heart(part).beat()


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("butt.health.checks.shelf.newest", lambda: Release(key="k"))


@pytest.fixture
def private(settings: Any) -> Client:
    settings.ROOT_URLCONF = "butt.private.urls"
    settings.MIDDLEWARE = ["butt.private.gate.bearer"]
    return Client()


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Settings that differ from now on."""

    def give(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"BUTT_{name.upper()}", str(value))
        configuration.cache_clear()
        billing.cache_clear()

    yield give
    monkeypatch.undo()
    configuration.cache_clear()
    billing.cache_clear()


def test_both_servers_report_a_ready_service(all_live: None, built: None, private: Client):
    said = private.get("/ready")
    names = ["database", "steward", "monitor", "salt-master", "mail", "payments", "release", "disk"]
    assert (said.status_code, said.json()) == (
        200,
        {"ready": True, "checks": {n: {"ok": True} for n in names}},
    )
    assert private.get("/up").content == b"up\n"
    assert private.get("/agents").status_code == 401, "all else asks for a token"


def test_a_part_that_is_down_is_named(built: None, private: Client):
    Heart("monitor").beat()
    said = private.get("/ready")
    assert said.status_code == 503
    bad = {name: check for name, check in said.json()["checks"].items() if not check["ok"]}
    assert list(bad) == ["steward"]
    assert bad["steward"]["trouble"] == "No steward runs, or it hangs."
    assert "systemctl start butt@steward" in bad["steward"]["mend"]


def test_strangers_see_which_check_failed_but_not_why(client: Client, built: None):
    said = client.get("/ready")
    assert said.status_code == 503
    assert said.json()["checks"]["steward"] == "failing"
    assert said.json()["checks"]["disk"] == "ok"
    assert client.get("/up").status_code == 200


def test_results_are_kept_for_some_seconds(
    client: Client, built: None, all_live: None, django_assert_num_queries: Any
):
    client.get("/ready")
    with django_assert_num_queries(0):
        assert client.get("/ready").status_code == 200


def test_an_unreachable_database_is_reported_and_does_not_break_the_server(client: Client):
    def away(*_: object) -> None:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(away):
        said = client.get("/ready")
    assert said.status_code == 503
    checks = said.json()["checks"]
    assert {name for name, how in checks.items() if how == "failing"} == {
        "database",
        "steward",
        "monitor",
        "release",
    }


def test_a_heart_without_a_pulse_does_not_beat(monkeypatch: pytest.MonkeyPatch):
    from butt.beats import heart
    from butt.beats.models import Beat

    one, rounds = Heart("steward"), iter([None, None])
    monkeypatch.setattr(heart.time, "sleep", lambda _: next(rounds))
    monkeypatch.setattr(one, "_pulse", heart.time.monotonic() - heart.HANGS - 1)
    with pytest.raises(StopIteration):
        one._beat_for_ever()
    assert not Beat.objects.exists()


def test_mail_payments_and_the_master_are_really_called(given: Callable[..., None], settings: Any):
    (port,) = free_ports(1)
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    given(
        email_url=f"smtp://127.0.0.1:{port}",
        billing="stripe",
        private_port=port - 1,
        host="salt",
        salt="master",
        salt_master=f"127.0.0.1:{port}",
    )
    assert "does not answer" in mail().trouble
    assert "no bot can be made" in payments().trouble
    assert "BUTT_BILLING=free" in payments().mend
    assert "systemctl start butt-salt-master" in salt_master().mend
    with socket.create_server(("127.0.0.1", port)):
        assert [check().trouble for check in (mail, payments, salt_master)] == ["", "", ""]
