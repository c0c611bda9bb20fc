"""Verified addresses, forgotten passwords, second factors and sessions, on the pages and in the mails."""

import json
import re
import time
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.test import Client, override_settings

from butt.accounts.models import AccessToken, Account
from butt.accounts.tokens import issue_token
from tests.people import PASSWORD, account

pytestmark = pytest.mark.django_db


def link_in(letter: Any) -> str:
    found = re.search(r"http://\S+?(/\S+)", letter.body)
    assert found, letter.body
    return found[1]


def start(email: str = "alice@example.org", password: str = PASSWORD, **form: str) -> tuple[Client, Any]:
    client = Client()
    return client, client.post("/start", {"email": email, "password": password, **form})


def again(client: Client) -> Client:
    client.post("/account/again", {"password": PASSWORD})
    return client


def verified(name: str = "alice") -> Account:
    made = account(name)
    EmailAddress.objects.filter(user=made).update(verified=True)
    return made


def with_app(name: str = "alice") -> tuple[Account, str, list[str]]:
    """A person with an authenticator app; its secret, and their recovery codes."""
    made = verified(name)
    client, _ = start(made.email)
    again(client)
    page = client.get("/account/factors/app").content.decode()
    secret = re.search(r"or type: <code>(\w+)", page)[1]
    answer = client.post("/account/factors/app", {"code": code_of(secret)})
    assert answer["Location"] == "/account/factors/codes"
    codes = re.findall(r"<code>(\d{8})</code>", client.get("/account/factors/codes").content.decode())
    return made, secret, codes


def code_of(secret: str, steps: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def api_sign_in(**body: str) -> tuple[int, Any]:
    body = {"email": "alice@example.org", "password": PASSWORD, **body}
    answer = Client().post("/authentication/sign-in", json.dumps(body), content_type="application/json")
    return answer.status_code, answer.json()


@pytest.mark.parametrize("way", ["page", "api"])
def test_a_new_person_gets_a_link_and_sees_a_banner_until_they_follow_it(way: str):
    if way == "page":
        client, _ = start()
    else:
        body = {"email": "alice@example.org", "password": PASSWORD}
        Client().post("/authentication/register", json.dumps(body), content_type="application/json")
        client, _ = start()
    (letter,) = mail.outbox
    assert letter.to == ["alice@example.org"]
    assert "Is alice@example.org yours?" in client.get("/bots").content.decode()
    client.post(link_in(letter))
    assert EmailAddress.objects.get().verified
    assert "Is alice@example.org yours?" not in client.get("/bots").content.decode()


def test_following_the_link_again_says_that_the_address_is_confirmed():
    client, _ = start()
    link = link_in(mail.outbox[-1])
    assert client.post(link).status_code == 302
    for browser in (client, Client()):
        for press in (browser.post, browser.get):
            page = press(link)
            assert page.status_code == 200
            assert "alice@example.org is confirmed." in page.content.decode()
    assert client.post(link[:-2] + "xx").status_code == 404
    assert "has been used or has expired" in client.get(link[:-2] + "xx").content.decode()
    with override_settings(ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS=0):
        assert client.post(link).status_code == 404, "it is too old"
    EmailAddress.objects.all().delete()
    assert client.post(link).status_code == 404


def test_links_in_mails_use_our_own_address_whatever_the_host_header():
    client = Client(headers={"Host": "localhost"})
    client.post("/start", {"email": "alice@example.org", "password": PASSWORD})
    assert "http://127.0.0.1:8000/account/email/" in mail.outbox[0].body


def test_resetting_a_password_by_mail_ends_old_sessions():
    account("alice")
    theirs, _ = start()
    assert Client().post("/password", {"email": "alice@example.org"})["Location"] == "/password/sent"
    client = Client()
    chosen = client.get(link_in(mail.outbox[-1]))["Location"]
    answer = client.post(chosen, {"password1": "a new long password", "password2": "a new long password"})
    assert answer["Location"] == "/password/done"
    assert start(password="a new long password")[1].status_code == 302
    assert start()[1].status_code == 422
    assert theirs.get("/bots").status_code == 302


def test_resetting_a_password_by_mail_shuts_everybody_else_out():
    """Somebody may have registered an address that is not theirs, and waited for its owner to come."""
    made = account("alice")
    eve, _ = start()
    token = issue_token(made)
    again(eve).post("/account/email", {"email": "eve@example.org", "action_add": "yes"})
    eves_link = link_in(next(letter for letter in mail.outbox if letter.to == ["eve@example.org"]))

    Client().post("/password", {"email": "alice@example.org"})
    client = Client()
    chosen = client.get(link_in(mail.outbox[-1]))["Location"]
    client.post(chosen, {"password1": "a new long password", "password2": "a new long password"})

    assert Client(headers={"Authorization": f"Bearer {token}"}).get("/agents").status_code == 401
    assert Client().post(eves_link).status_code < 500
    assert Account.objects.get().email == "alice@example.org"


def test_resetting_an_unknown_address_says_the_same_and_sends_nothing():
    account("alice")
    known = Client().post("/password", {"email": "alice@example.org"})
    sent = len(mail.outbox)
    unknown = Client().post("/password", {"email": "nobody@example.org"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert (sent, len(mail.outbox)) == (1, 1)


def test_start_asks_for_the_second_factor_and_then_continues():
    _, secret, _ = with_app()
    client, answer = start(next="/account/tokens")
    assert answer["Location"] == "/start/code"
    assert client.get("/bots").status_code == 302, "not in yet"
    assert client.post("/start/code", {"code": "000000"}).status_code == 200
    assert client.post("/start/code", {"code": code_of(secret, 1)})["Location"] == "/account/tokens"
    assert client.get("/bots").status_code == 200


def test_a_recovery_code_works_once():
    _, _, codes = with_app()
    assert len(codes) == 10
    client, _ = start()
    assert client.post("/start/code", {"code": codes[0]}).status_code == 302
    client, _ = start()
    assert client.post("/start/code", {"code": codes[0]}).status_code == 200


def test_the_api_asks_for_the_code_and_accepts_it_once():
    _, secret, codes = with_app()
    status, answer = api_sign_in()
    assert (status, answer["error"]["code"], answer["error"]["field"]) == (401, "second_factor", "code")
    status, answer = api_sign_in(code="000000")
    assert (status, answer["error"]["code"]) == (401, "wrong_code")
    code = code_of(secret, 1)
    assert api_sign_in(code=code)[0] == 201
    assert api_sign_in(code=code)[0] == 401, "a code that was used is used up"
    assert api_sign_in(code=codes[3])[0] == 201
    assert api_sign_in(password="wrong", code=codes[4])[1]["error"]["code"] == "wrong_password"
    assert AccessToken.objects.count() == 2


def test_guessing_codes_over_the_api_is_limited():
    with_app()
    codes = [api_sign_in(code=f"{number:06}")[1]["error"]["code"] for number in range(11)]
    assert codes == ["wrong_code"] * 10 + ["too_many_guesses"]


def test_guessing_codes_on_the_page_is_limited_over_all_sessions():
    _, secret, _ = with_app()
    for number in range(10):
        client, _ = start()
        client.post("/start/code", {"code": f"{number:06}"})
    client, _ = start()
    client.post("/start/code", {"code": code_of(secret, 1)})
    assert client.get("/bots").status_code == 302, "not in, though the code is right"


def test_secrets_of_factors_cannot_be_read_in_the_database():
    _, secret, codes = with_app()
    kept = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept
    assert not any(code in kept for code in codes)


@pytest.mark.django_db(transaction=True)
def test_every_mail_begins_with_who_sent_it():
    with_app()
    client, _ = start("new@example.org")
    client.post("/password", {"email": "new@example.org"})
    assert {letter.subject for letter in mail.outbox} == {
        "butt.nz: authenticator app activated",
        "butt.nz: is this your address?",
        "butt.nz: a new password",
    }


def test_recovery_codes_are_shown_once():
    with_app()
    client, _ = start()
    assert not re.search(r"<code>\d", client.get("/account/factors/codes").content.decode())


def test_a_second_factor_needs_a_verified_address():
    account("alice")
    client, _ = start()
    again(client)
    assert client.get("/account/factors/app")["Location"] == "/account/factors"


def test_one_click_ends_all_other_sessions():
    account("alice")
    here, there = start()[0], start()[0]
    assert here.get("/account/sessions").content.decode().count("<li>") == 2
    here.post("/account/sessions")
    assert here.get("/bots").status_code == 200
    assert there.get("/bots").status_code == 302


def test_signing_out_everywhere_includes_programs_but_not_tokens_made_by_hand():
    made = account("alice")
    here, by_hand = start()[0], issue_token(made, "backups")
    signed_in = api_sign_in()[1]["accessToken"]
    here.post("/account/sessions")

    def opens(token: str) -> int:
        return Client(headers={"Authorization": f"Bearer {token}"}).get("/agents").status_code

    assert (opens(signed_in), opens(by_hand)) == (401, 200)
    assert here.get("/bots").status_code == 200


def test_a_new_address_counts_once_it_is_verified():
    verified("alice")
    client = again(start()[0])
    client.post("/account/email", {"email": "ally@example.org", "action_add": "yes"})
    assert Account.objects.get().email == "alice@example.org"
    client.post(
        link_in(mail.outbox[-1]) if mail.outbox[-1].to == ["ally@example.org"] else link_in(mail.outbox[-2])
    )
    assert Account.objects.get().email == "ally@example.org"
    assert start("ally@example.org")[1].status_code == 302


def test_a_mistyped_address_can_be_corrected_and_works_until_then():
    for name in ("alice", "bob"):
        account(name)
        client = again(start(f"{name}@example.org")[0])
        client.post("/account/email", {"email": f"{name}@example.org", "action_remove": "yes"})
        client.post("/account/email", {"email": f"{name}2@example.org", "action_add": "yes"})
        client.post("/account/email", {"email": f"{name}3@example.org", "action_add": "yes"})
    assert {made.email for made in Account.objects.all()} == {"alice@example.org", "bob@example.org"}
    assert EmailAddress.objects.count() == 4, "the last that was asked for waits"
    client, answer = start()
    assert answer.status_code == 302
    assert Account.objects.count() == 2, "nobody new"
    client.post(link_in(next(letter for letter in mail.outbox if letter.to == ["alice3@example.org"])))
    assert start("alice3@example.org")[1].status_code == 302
    assert {made.email for made in Account.objects.all()} == {"alice3@example.org", "bob@example.org"}


def test_changing_the_address_asks_for_the_password_again():
    client = Client()
    client.force_login(verified("alice"))
    asked = client.post("/account/email", {"email": "eve@example.org", "action_add": "yes"})
    assert asked["Location"].startswith("/account/again")
    assert not mail.outbox


def test_an_address_with_an_account_cannot_be_given_to_another_account():
    account("bob")
    verified("alice")
    client = again(start()[0])
    client.post("/account/email", {"email": "bob@example.org", "action_add": "yes"})
    link = link_in(next(letter for letter in mail.outbox if letter.to == ["bob@example.org"]))
    page = client.post(link, follow=True)
    assert page.status_code == 200
    assert "bob@example.org already has its own account" in page.content.decode()
    assert {made.email for made in Account.objects.all()} == {"alice@example.org", "bob@example.org"}
    assert start()[1].status_code == start("bob@example.org")[1].status_code == 302


def test_pages_of_allauth_are_replaced_by_ours():
    for path in ("/accounts/login/", "/accounts/signup/", "/account/login", "/account/signup"):
        assert Client().get(path).status_code == 404
    assert Client().get("/start/passkey")["Location"] == "/start"
