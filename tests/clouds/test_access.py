"""A cloud's keys expire some day: operators learn of it in time, and what to do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from butt.accounts.models import Account
from butt.clouds import access, rentals
from butt.clouds.keeper import Keeper
from butt.clouds.models import AccessKey, Rented
from tests.clouds import account as at
from tests.clouds.conftest import ALICE
from tests.people import person

pytestmark = pytest.mark.django_db

RENEW = "set BUTT_SCALEWAY_ACCESS_KEY and BUTT_SCALEWAY_SECRET_KEY"


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch, settings_anew: Callable[[], None]) -> None:
    monkeypatch.setenv("BUTT_CLOUD", "scaleway")
    settings_anew()


@pytest.fixture
def olga() -> Account:
    return Account.objects.create_superuser(email="olga@example.org", password="a long password")


def ends_in(account: at.Account, **left: float) -> datetime:
    """Have the key expire then."""
    ends = (timezone.now() + timedelta(**left)).replace(microsecond=0)
    account.steer("key", expires_at=ends.astimezone(UTC).isoformat().replace("+00:00", "Z"))
    access.look(account.cloud())
    return ends


def test_only_operators_get_one_mail_14_days_before(account: at.Account, olga: Account):
    person("alice")
    ends = ends_in(account, days=14, minutes=1)
    access.tell_operators(timezone.now())
    assert mail.outbox == []
    access.tell_operators(timezone.now() + timedelta(minutes=2))
    access.tell_operators(timezone.now() + timedelta(days=1))
    (letter,) = mail.outbox
    assert letter.to == [olga.email]
    assert f"{ends:%d %B %Y}" in letter.subject
    assert RENEW in letter.body


def test_another_key_that_expires_soon_gets_another_mail(account: at.Account, olga: Account):
    for days in (3, 5):
        ends_in(account, days=days)
        access.tell_operators(timezone.now())
    assert len(mail.outbox) == 2


def test_a_key_that_does_not_expire_gets_no_mail(account: at.Account, olga: Account):
    assert access.look(account.cloud())
    access.tell_operators(timezone.now())
    assert (AccessKey.objects.get().ends_at, mail.outbox) == (None, [])


def test_a_later_first_operator_gets_the_mail_then(account: at.Account):
    ends_in(account, days=3)
    access.tell_operators(timezone.now())
    Account.objects.create_superuser(email="olga@example.org", password="a long password")
    access.tell_operators(timezone.now())
    assert len(mail.outbox) == 1


def test_mail_that_cannot_be_sent_is_tried_again(account: at.Account, olga: Account, settings: Any):
    ends_in(account, days=3)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    access.tell_operators(timezone.now())
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    access.tell_operators(timezone.now())
    assert len(mail.outbox) == 1


def test_the_keeper_asks_when_its_keys_expire(account: at.Account, keeper: Keeper, olga: Account):
    account.steer("key", expires_at="2020-01-01T00:00:00Z")
    goes_on = iter([True, False])
    keeper.run(lambda: next(goes_on))
    assert len(mail.outbox) == 1


def test_the_console_says_when_the_key_expires_and_what_to_do(account: at.Account, olga: Account):
    ends_in(account, days=3, hours=1)
    console = Client()
    console.force_login(olga)
    page = console.get("/console/clouds/accesskey/").content.decode()
    assert "expires in 3 days" in page
    assert RENEW in page
    ends_in(account, days=100)
    assert RENEW not in console.get("/console/clouds/accesskey/").content.decode()


def test_the_console_says_what_to_do_about_a_refused_key(account: at.Account, olga: Account):
    assert not access.look(account.cloud(secret_key="00000000-0000-4000-8000-00000000dead"))
    console = Client()
    console.force_login(olga)
    assert "refuses the key" in console.get("/console/clouds/accesskey/").content.decode()
    assert RENEW.removeprefix("set ") in AccessKey.objects.get().mend


def test_the_advice_about_a_machine_is_shown_with_its_reason(
    account: at.Account, keeper: Keeper, olga: Account
):
    rentals.rent(ALICE, bots=1, names=["my"])
    account.steer("quotas", ips=0)
    for _ in range(5):
        at.turn(keeper)
    rented = Rented.objects.get(agent_id=ALICE)
    assert "quota" in rented.reason
    assert "Ask Scaleway for a higher quota" in rented.mend
    console = Client()
    console.force_login(olga)
    assert rented.mend.split(";")[0] in console.get("/console/clouds/rented/").content.decode()
    account.steer("quotas", ips=10)
    assert at.turn_until("ready", keeper, ALICE).mend == ""
