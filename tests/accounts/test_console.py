"""Operators: the console, and viewing a person's pages."""

import time
from decimal import Decimal
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.admin import site
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from butt.accounts.models import Account, Impersonation
from butt.agents.models import JournalEntry, Wanted
from butt.agents.states import State
from butt.billing.models import Payer
from butt.clouds.interface import Rates, ServerOffer
from butt.clouds.models import Rented, Stock
from butt.clouds.models import WantedMachine as Tenancy
from butt.limits import slowed
from butt.limits.table import PERSON_EXPORTS
from tests.accounts.test_factors import code_of, start, with_app
from tests.machines.machines import machine
from tests.people import account, bot_in, many_bots
from tests.visitor import PASSWORD

pytestmark = pytest.mark.django_db


def operator() -> Client:
    made = account("olga")
    Account.objects.filter(id=made.id).update(is_staff=True, is_superuser=True)
    return start("olga@example.org")[0]


def test_an_operator_is_made_at_the_command_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", "--no-input", "--email", "Olga@example.org", verbosity=0)
    assert start("olga@example.org")[0].get("/console/").status_code == 200


def test_an_operator_with_a_second_factor_must_have_used_it():
    olga, secret, _ = with_app("olga")
    Account.objects.filter(id=olga.id).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(olga)  # a session from before the factor
    assert client.get("/console/", follow=True).status_code == 404
    client, _ = start(olga.email)
    assert client.get("/console/").status_code == 302
    client.post("/start/code", {"code": code_of(secret, 1)})
    assert client.get("/console/").status_code == 200


def test_the_lists_take_the_same_queries_for_many_rows(django_assert_max_num_queries: Any):
    many_bots(account("alice").agent, 30)
    client = operator()
    for path in (
        "accounts/account",
        "agents/agent",
        "agents/journalentry",
        "accounts/impersonation",
        "operating/announcement",
        "billing/payer",
        "clouds/rented",
        "limits/slowed",
        "clouds/stock",
        "clouds/accesskey",
        "vault/vaulted",
    ):
        with django_assert_max_num_queries(12):
            assert client.get(f"/console/{path}/").status_code == 200, path


def test_the_console_lists_only_our_own_models():
    assert {model.__name__ for model in site._registry} == {
        "AccessKey",
        "Account",
        "Announcement",
        "Impersonation",
        "Agent",
        "JournalEntry",
        "Machine",
        "Payer",
        "Rented",
        "Slowed",
        "Stock",
        "Vaulted",
    }
    client = operator()
    for path in ("mfa/authenticator", "usersessions/usersession", "account/emailaddress", "auth/group"):
        assert client.get(f"/console/{path}/").status_code == 404


def test_a_machine_is_drained_from_the_console_with_a_reason():
    row, client = machine("m1"), operator()
    act = f"/console/act/machine/{row.id}"
    assert act in client.get("/console/machines/machine/").content.decode()
    assert client.post(act, {"action": "drain", "reason": ""}).status_code == 422
    assert client.post(act, {"action": "drain", "reason": "A new disk."}).status_code == 302
    row.refresh_from_db()
    assert row.state == "draining"
    assert client.get(f"/console/machines/machine/{row.id}/change/").status_code == 200


def test_an_operator_sees_who_is_slowed_down_and_why():
    for _ in range(3):
        slowed.note(PERSON_EXPORTS, "person 1")
    slowed.write_noted()
    shown = operator().get("/console/limits/slowed/").content.decode()
    assert "person 1" in shown
    assert PERSON_EXPORTS.what in shown


def test_closing_and_opening_an_account_needs_a_reason():
    alice, client = account("alice"), operator()
    page = f"/console/accounts/account/{alice.id}/change/"
    assert client.post(page, {"email": "eve@example.org", "is_staff": "on"}).status_code == 403
    act = f"/console/act/person/{alice.agent_id}"
    assert act in client.get("/console/accounts/account/").content.decode()
    assert client.post(act, {"action": "suspend", "reason": " "}).status_code == 422
    assert start("alice@example.org")[1].status_code == 302
    client.post(act, {"action": "suspend", "reason": "Spam."})
    assert start("alice@example.org")[1].status_code == 422
    client.post(act, {"action": "reinstate", "reason": "It was somebody else."})
    assert start("alice@example.org")[1].status_code == 302
    (reinstated, suspended) = JournalEntry.objects.filter(what__in=("suspended", "reinstated")).order_by(
        "-id"
    )
    assert suspended.detail == {"reason": "Spam."}
    assert suspended.actor == reinstated.actor == str(Account.objects.get(is_staff=True).agent_id)


def test_viewing_a_persons_pages_needs_a_reason_and_changes_nothing():
    alice = account("alice")
    bot, client = bot_in(State.ALIVE, alice.agent), operator()
    assert client.get("/bots/my").status_code == 404
    assert client.post(f"/console/look/{alice.agent.id}", {"reason": " "}).status_code == 422
    client.post(f"/console/look/{alice.agent.id}", {"reason": "She wrote to us."})
    page = client.get("/bots/my").content.decode()
    assert "You are viewing the pages of <bdi>Alice</bdi>" in page
    assert "my.localhost" in client.get("/bots").content.decode()
    for path in ("/bots/my/stop", "/bots/new", "/account"):
        assert client.post(path).status_code == 403, path
    for path in ("/account", "/account/tokens", "/account/data", "/bots/my/people", "/bots/my/delete"):
        assert client.get(path).status_code in {302, 403}, path
        assert "alice" not in client.get(path).content.decode(), path
    assert Wanted.objects.get(bot=bot).run is True
    entry = JournalEntry.objects.get(what="look")
    assert (entry.bot_id, entry.detail) == (alice.agent.id, {"reason": "She wrote to us."})
    client.post("/look/end")
    assert client.get("/bots/my").status_code == 404


def test_viewing_ends_by_itself_and_when_the_operator_loses_their_rights():
    alice, client = account("alice"), operator()
    bot_in(State.ALIVE, alice.agent)
    client.post(f"/console/look/{alice.agent.id}", {"reason": "x"})
    Impersonation.objects.update(until=time.strftime("%F %TZ", time.gmtime(time.time() - 1)))
    assert client.get("/bots/my").status_code == 404
    client.post(f"/console/look/{alice.agent.id}", {"reason": "x"})
    Account.objects.filter(email="olga@example.org").update(is_staff=False)
    assert client.get("/bots/my").status_code == 404


def test_no_factor_no_token_and_no_password_is_in_the_console():
    alice, secret, codes = with_app()
    kept = [*map(str, Authenticator.objects.values_list("data", flat=True)), alice.password, secret, *codes]
    page = operator().get(f"/console/accounts/account/{alice.id}/change/").content.decode()
    assert not any(word in page for word in kept)


def test_the_console_shows_a_machines_cost_beside_what_its_person_pays():
    alice = account("alice").agent
    rates = Rates(root=Decimal(1), gb=Decimal("0.1"), snapshot_gb=Decimal("0.1"), address4=Decimal(3))
    Stock.of(ServerOffer("paris", "small", 2 << 30, Decimal("5.5"), rates=rates), timezone.now()).save()
    Rented.objects.create(
        agent_id=alice.id, state="making", zone="paris", type="small", monthly="3.00", expected="19.50"
    )
    Tenancy.objects.create(agent_id=alice.id, bots=2)
    Payer.objects.update_or_create(person=alice, defaults={"status": "active", "paid_quantity": 2})
    client = operator()
    page = client.get("/console/clouds/rented/").content.decode()
    for told in ("alice@example.org", "19.50", "3.00", "9.75", "10.00"):
        assert told in page
    page = client.get(f"/console/clouds/rented/{alice.id}/change/").content.decode()
    parts = "server 5.50, IPv4 address 3.00, root volume 1.00, volume 2.50, snapshots 7.50"
    assert f"19.50 € ({parts})" in page
    page = client.get("/console/clouds/stock/").content.decode()
    assert "15.50 €" in page, "a machine for one bot, before anybody has one"
