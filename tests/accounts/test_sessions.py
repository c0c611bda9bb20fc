"""Nothing is kept about the browsers of people once they are signed out."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from butt.accounts.sessions import MOST_ROWS, prune_sessions
from tests.people import PASSWORD, account

pytestmark = pytest.mark.django_db


def signed_in(name: str) -> Client:
    client = Client()
    client.post("/start", {"email": account(name).email, "password": PASSWORD})
    return client


def test_expired_sessions_are_removed_with_their_addresses_and_others_stay():
    signed_in("alice")
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    bob = signed_in("bob")
    while prune_sessions(timezone.now()):
        pass
    assert [seen.user.email for seen in UserSession.objects.all()] == ["bob@example.org"]
    assert Session.objects.count() == 1
    assert bob.get("/bots").status_code == 200


def test_signing_out_removes_the_address():
    signed_in("alice").post("/sign-out")
    assert not Session.objects.exists()
    assert UserSession.objects.exists(), "allauth waits until she looks at her sessions"
    prune_sessions(timezone.now())
    assert not UserSession.objects.exists()


def test_one_step_removes_a_bounded_number_and_says_if_there_are_more():
    now, alice = timezone.now(), account("alice")
    keys = [f"key{number}" for number in range(MOST_ROWS + 1)]
    Session.objects.bulk_create(Session(session_key=key, expire_date=now - timedelta(days=1)) for key in keys)
    UserSession.objects.bulk_create(UserSession(session_key=key, user=alice, ip="::1") for key in keys)
    assert prune_sessions(now)
    assert (Session.objects.count(), UserSession.objects.count()) == (1, MOST_ROWS + 1)
    assert prune_sessions(now)
    assert not prune_sessions(now)
    assert (Session.objects.count(), UserSession.objects.count()) == (0, 0)
