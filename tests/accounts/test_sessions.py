"""What is kept of the browsers of people who do not come back: nothing, once they are signed out."""

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


def test_what_expired_goes_with_the_address_it_came_from_and_who_is_signed_in_stays():
    signed_in("alice")
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    bob = signed_in("bob")
    while prune_sessions(timezone.now()):
        pass
    assert [seen.user.email for seen in UserSession.objects.all()] == ["bob@example.org"]
    assert Session.objects.count() == 1
    assert bob.get("/bots").status_code == 200


def test_of_whoever_signed_out_no_address_is_kept():
    signed_in("alice").post("/sign-out")
    assert not Session.objects.exists()
    assert UserSession.objects.exists(), "allauth waits until she looks at her sessions"
    prune_sessions(timezone.now())
    assert not UserSession.objects.exists()


def test_one_step_removes_so_many_and_says_that_there_is_more():
    now, alice = timezone.now(), account("alice")
    keys = [f"key{number}" for number in range(MOST_ROWS + 1)]
    Session.objects.bulk_create(Session(session_key=key, expire_date=now - timedelta(days=1)) for key in keys)
    UserSession.objects.bulk_create(UserSession(session_key=key, user=alice, ip="::1") for key in keys)
    assert prune_sessions(now)
    assert (Session.objects.count(), UserSession.objects.count()) == (1, MOST_ROWS + 1)
    assert prune_sessions(now)
    assert not prune_sessions(now)
    assert (Session.objects.count(), UserSession.objects.count()) == (0, 0)
