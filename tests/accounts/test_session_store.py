"""Sessions are found as Django's own store finds them."""

from datetime import timedelta

import pytest
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from butt.accounts.models import Account
from butt.accounts.session_store import SessionStore
from tests.people import account

pytestmark = pytest.mark.django_db


def test_both_stores_read_what_the_other_wrote():
    for one, other in ((SessionStore, db.SessionStore), (db.SessionStore, SessionStore)):
        written = one()
        written["who"] = "Alice"
        written.save()
        assert other(written.session_key)["who"] == "Alice"


def test_an_expired_or_unknown_session_is_empty_and_keeps_no_key():
    over = SessionStore()
    over["who"] = "Alice"
    over.save()
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    for key in (over.session_key, "unknown"):
        read = SessionStore(key)
        assert "who" not in read
        assert read.session_key is None


def test_a_deleted_person_or_a_changed_password_ends_the_session(client: Client):
    alice = account("alice")
    client.force_login(alice)
    assert client.get("/bots").status_code == 200
    alice.set_password("another correct horse")
    alice.save()
    assert client.get("/bots").status_code == 302


def test_a_person_is_found_by_number_like_by_anything_else():
    alice = account("alice")
    by_number, by_email = Account.objects.get(pk=alice.pk), Account.objects.get(email=alice.email)
    for field in Account._meta.concrete_fields:
        assert getattr(by_number, field.attname) == getattr(by_email, field.attname)
    assert by_number.agent == by_email.agent
    with pytest.raises(Account.DoesNotExist):
        Account.objects.get(pk=alice.pk + 1)
