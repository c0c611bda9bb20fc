"""Access tokens: what they may do, for how long, and what is stored of them."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from butt.accounts.hashing import Hasher
from butt.accounts.models import AccessToken, Account
from butt.accounts.scopes import EVERYTHING, Scope
from butt.accounts.tokens import MOST_TOKENS, SIGNED_IN, BadToken, issue_token, make_token, tokens_of
from butt.agents.states import State
from butt.public.api.bearer import scope_of
from tests.people import PASSWORD, account, bot_in

pytestmark = pytest.mark.django_db


def ask(token: str, method: str, path: str) -> tuple[int, str]:
    answer = Client(headers={"Authorization": f"Bearer {token}"}).generic(
        method, path, "{}", content_type="application/json"
    )
    return answer.status_code, answer.json().get("error", {}).get("code", "")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/agents", Scope.READ),
        ("GET", "/agents/x/samples", Scope.READ),
        ("GET", "/agents/x/export/log", Scope.READ),
        ("GET", "/agents/x/export/secret", Scope.SECRETS),
        ("GET", "/agents/x/export/all", Scope.SECRETS),
        ("HEAD", "/agents/x/export/secret", Scope.SECRETS),
        ("POST", "/agents", Scope.OPERATE),
        ("PATCH", "/agents/x", Scope.OPERATE),
        ("DELETE", "/agents/x", Scope.OPERATE),
        ("POST", "/agents/x/stop", Scope.OPERATE),
    ],
)
def test_each_call_needs_exactly_one_scope(method: str, path: str, scope: Scope):
    assert scope_of(method, path) is scope


def test_a_token_without_the_scope_is_refused_in_words():
    alice = account("alice")
    bot = bot_in(State.ALIVE, alice.agent)
    reads, operates = (issue_token(alice, "x", frozenset({scope})) for scope in (Scope.READ, Scope.OPERATE))
    assert ask(reads, "GET", f"/agents/{bot.id}")[0] == 200
    assert ask(reads, "POST", f"/agents/{bot.id}/stop") == (403, "scope")
    assert ask(operates, "GET", "/agents") == (403, "scope")
    assert ask(operates, "POST", f"/agents/{bot.id}/stop")[0] == 202


def test_registering_and_signing_in_give_a_token_for_everything():
    for path in ("register", "sign-in"):
        body = json.dumps({"email": "a@example.org", "password": PASSWORD})
        assert (
            Client().post(f"/authentication/{path}", body, content_type="application/json").status_code == 201
        )
    assert {token.granted for token in AccessToken.objects.all()} == {EVERYTHING}


def test_a_tokens_last_use_is_noted_once_a_minute(django_assert_num_queries):
    token = issue_token(account("alice"))
    ask(token, "GET", "/belongs")
    seen = AccessToken.objects.get().last_used_at
    assert seen is not None
    with django_assert_num_queries(2):
        ask(token, "GET", "/belongs")
    assert AccessToken.objects.get().last_used_at == seen
    AccessToken.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    ask(token, "GET", "/belongs")
    assert AccessToken.objects.get().last_used_at >= seen


@pytest.mark.parametrize(
    ("name", "scopes", "days", "field"),
    [
        ("", ["read"], 1, "name"),
        ("n" * 61, ["read"], 1, "name"),
        (" Signed  in", ["read"], 1, "name"),
        ("x", [], 1, "scopes"),
        ("x", ["root"], 1, "scopes"),
        ("x", ["read"], 0, "days"),
        ("x", ["read"], 367, "days"),
    ],
)
def test_invalid_tokens_are_not_made(name: str, scopes: list[str], days: int, field: str):
    with pytest.raises(BadToken) as no:
        make_token(account("alice"), name, scopes, days)
    assert no.value.field == field
    assert not AccessToken.objects.exists()


def test_a_tokens_name_may_be_pasted_but_not_be_invisible():
    make_token(account("alice"), "my\u00a0lap\u00adtop", ["read"], 1)
    assert AccessToken.objects.get().name == "my laptop"
    with pytest.raises(BadToken, match="invisible"):
        make_token(account("bob"), "\u202eevil", ["read"], 1)


def test_signing_in_often_keeps_the_newest_tokens_and_leaves_room_for_those_made_by_hand():
    alice, bob = account("alice"), account("bob")
    issue_token(bob)
    by_hand = make_token(alice, "backups", ["read"], 7)
    body = json.dumps({"email": alice.email, "password": PASSWORD})

    def signs_in() -> str:
        answer = Client().post("/authentication/sign-in", body, content_type="application/json")
        return answer.json()["accessToken"]

    first, _, newest = signs_in(), [issue_token(alice) for _ in range(58)], signs_in()
    assert AccessToken.objects.filter(account=alice, name=SIGNED_IN).count() == MOST_TOKENS
    assert [ask(token, "GET", "/agents")[0] for token in (first, newest, by_hand)] == [401, 200, 200]
    assert ask(make_token(alice, "one more", ["read"], 7), "GET", "/agents")[0] == 200
    assert tokens_of(bob).count() == 1


def test_the_number_of_tokens_made_by_hand_is_limited():
    alice = account("alice")
    for number in range(MOST_TOKENS):
        make_token(alice, f"n{number}", ["read"], 7)
    with pytest.raises(BadToken, match="Revoke one first"):
        make_token(alice, "one too many", ["read"], 7)
    issue_token(alice)
    assert tokens_of(alice).count() == MOST_TOKENS + 1, "signing in ends none that was made by hand"


def test_expired_tokens_are_removed_when_the_next_one_is_made():
    alice, bob = account("alice"), account("bob")
    for who in (alice, bob):
        issue_token(who), issue_token(who, "backups")
    AccessToken.objects.update(expires_at=timezone.now())
    newest = issue_token(alice)
    assert AccessToken.objects.filter(account=alice).count() == 1
    assert ask(newest, "GET", "/agents")[0] == 200
    assert AccessToken.objects.filter(account=bob).count() == 2


def proven(who: Account) -> Client:
    """A browser in which the person has just entered their password again."""
    client = Client()
    client.force_login(who)
    client.post("/account/again", {"password": PASSWORD})
    return client


def test_the_page_shows_a_new_token_once_and_revokes_it():
    alice = account("alice")
    client = proven(alice)
    asked = {"name": "backups", "scopes": ["read", "secrets"], "days": "7"}
    page = client.post("/account/tokens/new", asked).content.decode()
    token = page.split('id="fact-token">')[1].split("<")[0]
    assert ask(token, "GET", "/agents")[0] == 200
    assert "fact-token" not in client.get("/account/tokens").content.decode()
    assert token not in repr([session.get_decoded() for session in Session.objects.all()]), (
        "kept as a hash only"
    )
    (row,) = tokens_of(alice)
    assert (row.name, row.granted) == ("backups", {Scope.READ, Scope.SECRETS})
    assert row.expires_at - timezone.now() < timedelta(days=7)

    eve = proven(account("eve"))
    eve.post(f"/account/tokens/{row.id}/revoke")
    assert ask(token, "GET", "/agents")[0] == 200
    client.post(f"/account/tokens/{row.id}/revoke")
    assert ask(token, "GET", "/agents")[0] == 401


def test_making_a_token_asks_for_the_password_again():
    client = Client()
    client.force_login(account("alice"))
    answer = client.get("/account/tokens/new")
    assert answer["Location"].startswith("/account/again?next=")
    client.post("/account/again", {"password": "not hers"})
    assert client.get("/account/tokens/new").status_code == 302
    client.post("/account/again", {"password": PASSWORD})
    assert client.get("/account/tokens/new").status_code == 200


def test_a_token_works_until_it_expires():
    token = issue_token(account("alice"))
    assert ask(token, "GET", "/belongs")[0] == 200
    AccessToken.objects.update(expires_at=timezone.now())
    assert ask(token, "GET", "/belongs") == (401, "no_token")


def test_the_token_of_a_closed_account_does_not_work():
    alice = account("alice")
    token = issue_token(alice)
    Account.objects.filter(id=alice.id).update(is_active=False)
    assert ask(token, "GET", "/belongs") == (401, "no_token")


NEW = "another horse battery"


def changes_on_the_page(alice: Account) -> None:
    answer = proven(alice).post(
        "/account/password", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    )
    assert answer.status_code == 302


def changes_at_the_command_line(alice: Account) -> None:
    account = Account.objects.get(id=alice.id)
    account.set_password(NEW)
    account.save()


@pytest.mark.parametrize("changes", [changes_on_the_page, changes_at_the_command_line])
def test_a_new_password_ends_tokens_and_pending_addresses(changes: Callable[[Account], None]):
    alice, bob = account("alice"), account("bob")
    tokens = issue_token(alice), make_token(alice, "backups", ["read"], 7)
    EmailAddress.objects.create(user=alice, email="thief@example.org")
    of_another = issue_token(bob)
    changes(alice)
    assert Account.objects.get(id=alice.id).check_password(NEW)
    assert [ask(token, "GET", "/belongs")[0] for token in (*tokens, of_another)] == [401, 401, 200]
    assert [each.email for each in EmailAddress.objects.filter(user=alice)] == [alice.email]


def test_rehashing_the_same_password_at_sign_in_ends_no_tokens():
    alice = account("alice")
    token = issue_token(alice)
    before = make_password(PASSWORD, hasher=Weaker())
    Account.objects.filter(id=alice.id).update(password=before)
    body = json.dumps({"email": alice.email, "password": PASSWORD})
    assert Client().post("/authentication/sign-in", body, content_type="application/json").status_code == 201
    assert Account.objects.get(id=alice.id).password != before
    assert ask(token, "GET", "/belongs")[0] == 200


class Weaker(Hasher):
    """Hashes passwords with less work, as earlier releases did."""

    time_cost = 2


def test_the_page_says_what_a_new_password_will_end():
    assert "revokes all access tokens" in proven(account("alice")).get("/account/password").content.decode()
