"""A bot that belongs to several people."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from allauth.account.models import EmailAddress
from django.core import mail, signing
from django.test import Client
from django.utils import timezone

from butt.accounts import leaving, owners
from butt.accounts.models import Account, Invitation
from butt.accounts.personal import personal_data
from butt.accounts.tokens import issue_token
from butt.agents import actions
from butt.agents.actions import Refused
from butt.agents.bots import NotAnOwner, bots_of
from butt.agents.models import Agent, JournalEntry
from butt.agents.states import State
from butt.billing import takeover
from butt.configuration import configuration
from tests.accounts.test_factors import link_in
from tests.people import PASSWORD, account, bot_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Account:
    made = account("alice")
    EmailAddress.objects.filter(user=made).update(verified=True)
    return made


@pytest.fixture
def bot(alice: Account) -> Agent:
    return bot_in(State.ALIVE, alice.agent)


def browser_of(who: Account) -> Client:
    client = Client()
    client.force_login(who)
    return client


def invite(who: Account, email: str) -> str:
    answer = browser_of(who).post("/bots/my/people", {"email": email})
    assert answer.status_code == 302, answer.content.decode()
    assert mail.outbox[-1].to == [email]
    return link_in(mail.outbox[-1])


def test_somebody_without_an_account_follows_the_link_and_shares_the_bot(alice: Account, bot: Agent):
    link = invite(alice, "Bob@example.org".lower())
    client = Client()
    door = client.get(link)["Location"]
    assert door.startswith("/start?next=/share/")
    back = client.post(door, {"email": "bob@example.org", "password": PASSWORD})["Location"]
    assert back == link
    assert "<bdi>alice@example.org</bdi> shares this bot with you." in client.get(back).content.decode()
    assert client.post(back)["Location"] == "/bots/my"
    assert client.get("/bots/my").status_code == 200
    told = [entry.what for entry in JournalEntry.objects.filter(bot_id=bot.id).order_by("id")]
    assert told == ["create", "invite a person", "join"]


def test_a_link_works_once_and_not_when_it_is_withdrawn_forged_or_old(alice: Account, bot: Agent):
    bob, eve = account("bob"), browser_of(account("eve"))
    link = invite(alice, "bob@example.org")
    assert browser_of(bob).post(link).status_code == 302
    assert eve.post(link).status_code == 410

    link = invite(alice, "carol@example.org")
    assert eve.get(link[:-2] + "xx").status_code == 410
    browser_of(alice).post(f"/bots/my/people/{Invitation.objects.get().id}/withdraw")
    assert eve.post(link).status_code == 410

    link = invite(alice, "dan@example.org")
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert eve.post(link).status_code == 410
    assert not bots_of(Account.objects.get(email="eve@example.org").agent).exists()


def test_following_a_used_link_again_leads_to_the_bot(alice: Account, bot: Agent):
    bob = account("bob")
    link = invite(alice, "bob@example.org")
    for press in (browser_of(bob).post, browser_of(bob).post, browser_of(bob).get):
        answer = press(link)
        assert (answer.status_code, answer["Location"]) == (302, "/bots/my")
    assert [entry.what for entry in JournalEntry.objects.filter(bot_id=bot.id)].count("join") == 1
    eve = browser_of(account("eve"))
    assert (eve.get(link).status_code, eve.post(link).status_code) == (410, 410)
    owners.leave(bob.agent, bot)
    assert browser_of(bob).post(link).status_code == 410, "it leads nobody in a second time"


def test_a_link_of_the_earlier_format_works(alice: Account, bot: Agent):
    invitation = owners.invite(alice.agent, bot, "bob@example.org")
    link = f"/share/{signing.TimestampSigner(salt='a bot is shared').sign(str(invitation.id))}"
    bob = browser_of(account("bob"))
    assert bob.post(link)["Location"] == "/bots/my"
    assert bob.post(link).status_code == 410


def test_the_last_owner_cannot_leave(alice: Account, bot: Agent):
    bob = account("bob")
    browser_of(bob).post(invite(alice, "bob@example.org"))
    owners.leave(alice.agent, bot)
    assert browser_of(alice).get("/bots/my").status_code == 404
    with pytest.raises(Refused) as no:
        owners.leave(bob.agent, bot)
    assert no.value.code == "last_owner"
    assert browser_of(bob).post("/bots/my/people/leave")["Location"] == "/bots/my/people"
    assert list(owners.owners_of(bot)) == [bob]


def test_inviting_needs_a_verified_address(alice: Account, bot: Agent):
    EmailAddress.objects.update(verified=False)
    assert browser_of(alice).post("/bots/my/people", {"email": "bob@example.org"}).status_code == 422
    assert not mail.outbox


@pytest.mark.parametrize(
    "email", ["", "bob", "alice@example.org", "x" * 250 + "@example.org", "b\n@example.org"]
)
def test_some_people_cannot_be_invited(alice: Account, bot: Agent, email: str):
    assert browser_of(alice).post("/bots/my/people", {"email": email}).status_code == 422
    assert not Invitation.objects.exists()


def test_belongs_lists_only_ones_own_bots(alice: Account, bot: Agent):
    bob = account("bob")
    browser_of(bob).post(invite(alice, "bob@example.org"))
    bot_in(State.ALIVE, account("eve").agent, "eves")

    def belongs(who: Account) -> set[tuple[str, str]]:
        rows = (
            Client(headers={"Authorization": f"Bearer {issue_token(who)}"}).get("/belongs").json()["belongs"]
        )
        return {(row["sourceAgentId"], row["targetAgentId"]) for row in rows}

    shared = {(str(bot.id), str(who.agent.id)) for who in (alice, bob)}
    assert belongs(alice) == belongs(bob) == shared


def test_the_page_of_people_takes_the_same_queries_for_many(
    alice: Account, bot: Agent, django_assert_num_queries
):
    for name in ("bob", "carol", "dan"):
        browser_of(account(name)).post(invite(alice, f"{name}@example.org"))
    client = browser_of(alice)
    with django_assert_num_queries(6):
        page = client.get("/bots/my/people").content.decode()
    assert page.count("@example.org</span>") == 3


def test_an_invited_moderator_manages_only_members_and_invites(alice: Account, bot: Agent):
    bob = account("bob")
    browser_of(alice).post("/bots/my/people", {"email": "bob@example.org", "role": "moderator"})
    link = link_in(mail.outbox[-1])
    assert "as a moderator" in browser_of(bob).get(link).content.decode()
    assert browser_of(bob).post(link).status_code == 302
    assert {share.target_agent.id: share.role for share in owners.shares_of(bot)} == {
        alice.agent.id: "owner",
        bob.agent.id: "moderator",
    }
    theirs = browser_of(bob)
    shown = theirs.get("/bots/my").content.decode()
    assert "/bots/my/invites" in shown
    for only_owners in ("/export", "/delete", "/upgrade", "/network", "/log", "/limits"):
        assert f'"/bots/my{only_owners}"' not in shown
        assert theirs.get(f"/bots/my{only_owners}").status_code == 403


def test_a_moderator_who_leaves_keeps_no_rights(alice: Account, bot: Agent):
    bob, carol = account("bob"), account("carol")
    for who in (bob, carol):
        owners.accept(who.agent, owners.key_of(owners.invite(alice.agent, bot, who.email, "moderator")))
    owners.leave(bob.agent, bot)
    with pytest.raises(Refused) as no:
        owners.leave(alice.agent, bot)
    assert no.value.code == "last_owner", "a moderator does not keep a bot"
    leaving._let_bots_go(carol.agent)
    bot.wanted.refresh_from_db()
    assert bot.wanted.gone_at is None, "a moderator who goes deletes no bot"
    assert list(owners.shares_of(bot).values_list("target_agent", flat=True)) == [alice.agent.id]


def test_owners_change_roles_but_the_last_owner_and_the_payer_stay(alice: Account, bot: Agent):
    bob = account("bob")
    browser_of(bob).post(invite(alice, "bob@example.org"))
    takes_money = SimpleNamespace(takes_money=True)
    with pytest.raises(Refused) as no:
        takeover.set_role(takes_money, bob.agent, bot, alice.agent.id, "moderator")
    assert no.value.code == "pays"
    role = f"/bots/my/people/{bob.agent.id}/role"
    outstanding = owners.invite(bob.agent, bot, "eve@example.org")
    browser_of(alice).post(role, {"role": "moderator"})
    assert list(owners.owners_of(bot)) == [alice]
    assert not Invitation.objects.filter(id=outstanding.id).exists(), "nobody comes by them any more"
    with pytest.raises(Refused) as no:
        owners.set_role(alice.agent, bot, alice.agent.id, "moderator")
    assert no.value.code == "last_owner"
    with pytest.raises(NotAnOwner):
        owners.set_role(bob.agent, bot, bob.agent.id, "owner")
    assert browser_of(bob).post(role, {"role": "owner"}).status_code == 403
    browser_of(alice).post(role, {"remove": "yes"})
    assert browser_of(bob).get("/bots/my").status_code == 404


def api_of(who: Account) -> Client:
    return Client(headers={"Authorization": f"Bearer {issue_token(who)}"})


def test_programs_invite_people_with_a_role_and_withdraw_that(alice: Account, bot: Agent):
    api, path = api_of(alice), f"/agents/{bot.id}/people"
    asked = {"email": "Bob@example.org", "role": "moderator"}
    answer = api.post(path, asked, "application/json")
    assert answer.status_code == 202
    (invited,) = answer.json()["invited"]
    assert (invited["email"], invited["role"]) == ("bob@example.org", "moderator")
    bob = account("bob")
    assert browser_of(bob).post(link_in(mail.outbox[-1]))["Location"] == "/bots/my"
    shares = api_of(bob).get(path).json()
    assert [each["role"] for each in shares["people"]] == ["owner", "moderator"]
    assert api.post(path, {"email": "carol@example.org"}, "application/json").status_code == 202
    (invited,) = api.get(path).json()["invited"]
    assert invited["role"] == "owner"
    assert api_of(bob).get(path).json()["invited"] == [], "whom owners asked is theirs to know"
    assert api.delete(f"{path}/invited/{invited['id']}").status_code == 204
    assert api.get(path).json()["invited"] == []
    EmailAddress.objects.filter(user=alice).update(verified=False)
    refused = api.post(path, {"email": "dan@example.org"}, "application/json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "unverified")


def test_people_are_told_when_their_role_changes_or_they_are_removed(alice: Account, bot: Agent):
    bob = account("bob")
    owners.accept(bob.agent, owners.key_of(owners.invite(alice.agent, bot, "bob@example.org", "moderator")))
    role = f"/bots/my/people/{bob.agent.id}/role"
    for change in ({"role": "owner"}, {"role": "owner"}, {"role": "moderator"}, {"remove": ""}):
        browser_of(alice).post(role, change)
    letters = [letter for letter in mail.outbox if letter.to == ["bob@example.org"]]
    assert [letter.subject.partition(": ")[2] for letter in letters] == [
        "my.localhost, you are an owner now",
        "my.localhost, you are a moderator now",
        "my.localhost, it is no longer shared with you",
    ]
    assert "alice@example.org made you an owner of my.localhost." in letters[0].body


def test_a_bot_that_one_moderates_does_not_count_as_ones_own(
    alice: Account, bot: Agent, monkeypatch: pytest.MonkeyPatch
):
    bob = account("bob")
    few = configuration().model_copy(update={"bots_per_person": 1})
    monkeypatch.setattr("butt.agents.actions.configuration", lambda: few)
    actions.create_bot(bob.agent, "his")
    owners.accept(bob.agent, owners.key_of(owners.invite(alice.agent, bot, "bob@example.org", "moderator")))
    with pytest.raises(Refused, match="They have as many bots"):
        owners.set_role(alice.agent, bot, bob.agent.id, "owner")
    assert personal_data(bob)["bots"][1]["role"] == "moderator"
    with pytest.raises(Refused) as refused:
        actions.check_may_have_another(bob.agent)
    assert refused.value.code == "too_many"
