"""What people can read before they pay, and what they agree to."""

from collections.abc import Iterator

import pytest
from django.test import Client

from butt.accounts.models import Account
from butt.configuration import configuration
from tests.people import account

pytestmark = pytest.mark.django_db
PAGES = {name: f"https://butt.example/{name}" for name in ("terms", "privacy", "imprint")}


@pytest.fixture
def linked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, page in {**PAGES, "contact": "help@butt.example"}.items():
        monkeypatch.setenv(f"BUTT_{name.upper()}", page)
    configuration.cache_clear()
    yield
    monkeypatch.undo()
    configuration.cache_clear()


def test_every_page_links_to_the_operators_pages(linked: None, client: Client):
    for path in ("/", "/start"):
        said = client.get(path).content.decode()
        for page in (*PAGES.values(), "mailto:help@butt.example"):
            assert f'href="{page}"' in said


def test_without_these_settings_there_is_no_footer(client: Client):
    assert "<footer" not in client.get("/").content.decode()


def test_making_the_first_bot_agrees_to_the_terms_and_keeps_the_date(linked: None, client: Client):
    alice = account("alice")
    client.force_login(alice)
    assert "By continuing you agree to the" in client.get("/newbie").content.decode()
    assert Account.objects.get(id=alice.id).agreed_at is None, "looking is not agreeing"
    assert client.post("/newbie", {"name": "Alice", "bot": "alices"}).status_code == 302
    kept = Account.objects.get(id=alice.id)
    assert kept.agreed_to == PAGES["terms"]
    assert kept.agreed_at


def test_the_date_is_that_of_the_first_agreement_to_these_terms(linked: None, client: Client):
    alice = account("alice")
    client.force_login(alice)
    client.post("/newbie", {"name": "Alice", "bot": "no good name"})
    first = Account.objects.get(id=alice.id).agreed_at
    client.post("/newbie", {"name": "Alice", "bot": "alices"})
    assert first
    assert Account.objects.get(id=alice.id).agreed_at == first
