"""What operators do to people and bots: it takes effect, can be undone, and the journal says who did it and
why.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from click.testing import CliRunner
from django.core import mail
from django.test import Client
from django.utils import timezone

from butt.accounts import owners
from butt.accounts.models import Account
from butt.accounts.tokens import issue_token
from butt.agents.actions import Refused, check_may_have_another, start
from butt.agents.bots import bot_by_name, bots
from butt.agents.effective_state import effective_state
from butt.agents.models import Agent, Belongs, JournalEntry, Progress, Wanted
from butt.agents.states import State
from butt.agents.view import View
from butt.command import operator as command
from butt.configuration import configuration
from butt.hosts import Order, Sighting
from butt.invites.models import Invite
from butt.machines.models import Machine, Placement, Unconfirmed
from butt.machines.registry import drain
from butt.operating import NotDone
from butt.operating.actions import OF_BOT, OF_MACHINE, OF_PERSON, act
from butt.operating.machines import go_on_emptying
from butt.operating.people import make_first, operators
from butt.public.letters import password_link
from butt.steward.steward import Steward
from butt.vault.models import ReturnStep, Vaulted
from butt.vault.operating import OF_LOST
from tests.machines.machines import machine, placed_bot
from tests.people import account, bot_in
from tests.sources.conftest import settings_of
from tests.visitor import PASSWORD

__all__ = ["settings_of"]

pytestmark = pytest.mark.django_db
WHY = "They sent spam."


class Host:
    """A host on which each bot does at once as ordered."""

    def __init__(self) -> None:
        self.runs: dict[uuid.UUID, bool] = {}

    def look(self, _: object) -> Mapping[uuid.UUID, Sighting]:
        return {bot_id: Sighting(running=runs) for bot_id, runs in self.runs.items()}

    def apply(self, order: Order) -> None:
        self.runs[order.bot_id] = order.run


@pytest.fixture
def steward() -> Any:
    """Call it: the steward does everything that is due."""
    host = Host()
    one = Steward(host, ())  # type: ignore[arg-type]

    def does_all() -> dict[str, bool]:
        for _ in range(6):
            Progress.objects.update(due_at=timezone.now())
            one.round()
        return {bot.name: host.runs.get(bot.id, False) for bot in bots()}

    return does_all


@pytest.fixture
def olga() -> Account:
    made = account("olga")
    Account.objects.filter(id=made.id).update(is_staff=True, is_superuser=True)
    return Account.objects.get(id=made.id)


def test_the_first_operator_chooses_a_password_by_a_link_and_opens_the_console():
    make_first("Olga@example.org")
    (olga,) = operators()
    assert not olga.has_usable_password()
    link = password_link(olga)
    assert link.startswith(configuration().public_url)
    client = Client()
    form = client.get(link.removeprefix(configuration().public_url), follow=True)
    words = {"password1": PASSWORD, "password2": PASSWORD}
    client.post(form.redirect_chain[-1][0], words)
    client = Client()
    client.post("/start", {"email": "olga@example.org", "password": PASSWORD})
    assert client.get("/console/").status_code == 200
    assert client.get(link.removeprefix(configuration().public_url), follow=True).context["token_fail"], (
        "once"
    )


def test_the_first_operator_is_a_new_or_an_existing_account(alice: Account):
    with pytest.raises(NotDone, match="not an email address"):
        make_first("olga")
    make_first(alice.email)
    make_first("mallory@example.org")
    assert list(operators()) == [alice]
    assert alice.has_usable_password()


@pytest.fixture
def alice() -> Account:
    return account("alice")


@pytest.fixture
def bot(alice: Account) -> Agent:
    return bot_in(State.ALIVE, alice.agent)


@pytest.fixture
def invite(bot: Agent) -> Invite:
    return Invite.objects.create(
        bot=bot, name="erin", seed=b"s" * 32, code_id="@c", offered_at=timezone.now()
    )


def does(name: str, olga: Account, target: Any, value: str = "", reason: str = WHY) -> None:
    act({**OF_PERSON, **OF_BOT, **OF_MACHINE}[name], olga.agent, target, reason, value)


def again(bot: Agent) -> Agent:
    return bots().get(id=bot.id)


def pages(invite: Invite) -> list[int]:
    name = Agent.objects.get(id=invite.bot_id).name
    found = [
        Client().get(path)
        for path in (f"/@{name}", f"/join/{invite.token}", f"/join/{invite.token}?encoding=json")
    ]
    return [page.status_code for page in found]


def test_a_suspended_person_has_no_running_bots_or_pages_until_reinstated(
    alice: Account, olga: Account, bot: Agent, invite: Invite, steward: Any
):
    token = issue_token(alice)
    assert (steward(), pages(invite)) == ({"my": True}, [200, 200, 200])
    does("suspend", olga, alice)
    assert (steward(), pages(invite)) == ({"my": False}, [404, 404, 404])
    assert effective_state(again(bot)) is State.STOPPED
    assert "suspended" in View(again(bot)).reason
    assert Client(headers={"Authorization": f"Bearer {token}"}).get("/agents").status_code == 401
    does("reinstate", olga, Account.objects.get(id=alice.id))
    assert (steward(), pages(invite)) == ({"my": True}, [200, 200, 200])
    assert Client(headers={"Authorization": f"Bearer {token}"}).get("/agents").status_code == 200


def test_a_bot_that_its_person_stopped_stays_stopped_after_reinstating(
    alice: Account, olga: Account, bot: Agent, steward: Any
):
    Wanted.objects.update(run=False)
    does("suspend", olga, alice)
    does("reinstate", olga, alice)
    assert steward() == {"my": False}


def test_a_bot_with_another_owner_keeps_running(alice: Account, olga: Account, bot: Agent, steward: Any):
    carol = account("carol")
    Belongs.objects.create(source_agent=bot, target_agent=carol.agent)
    does("suspend", olga, alice)
    assert steward() == {"my": True}
    does("suspend", olga, carol)
    assert steward() == {"my": False}
    # Somebody with an open account gets a share: they were invited before.
    does("reinstate", olga, Account.objects.get(id=carol.id))
    owners.leave(carol.agent, again(bot))
    assert steward() == {"my": False}, "nobody is left but who is suspended"


def test_a_blocked_bot_stops_says_why_and_cannot_be_started(
    alice: Account, olga: Account, bot: Agent, invite: Invite, steward: Any
):
    does("block", olga, bot)
    assert (steward(), pages(invite)) == ({"my": False}, [404, 404, 404])
    assert WHY in View(again(bot)).reason
    assert View(again(bot)).offered == [], "no button that would be refused"
    with pytest.raises(Refused, match=WHY) as no:
        start(alice.agent, again(bot))
    assert no.value.code == "held"
    called = Client(headers={"Authorization": f"Bearer {issue_token(alice)}"}).post(f"/agents/{bot.id}/start")
    assert called.status_code == 403
    assert steward() == {"my": False}
    does("unblock", olga, bot)
    assert (steward(), pages(invite)) == ({"my": True}, [200, 200, 200])


def test_pages_are_taken_down_while_the_bot_keeps_running(
    olga: Account, bot: Agent, invite: Invite, steward: Any
):
    does("take-down", olga, bot)
    assert (steward(), pages(invite)) == ({"my": True}, [404, 404, 404])
    does("put-up", olga, bot)
    assert pages(invite) == [200, 200, 200]


def test_the_number_of_bots_can_be_set_for_one_person(alice: Account, olga: Account, bot: Agent):
    does("allow", olga, alice, "1")
    with pytest.raises(Refused, match="which is the maximum"):
        check_may_have_another(alice.agent)
    does("allow", olga, alice, "2")
    assert check_may_have_another(alice.agent) == 1
    for odd in ("", "-1", "many", "1000000", "²"):
        with pytest.raises(NotDone):
            does("allow", olga, alice, odd)


def test_a_person_is_made_staff_and_the_last_operator_stays(alice: Account, olga: Account):
    with pytest.raises(NotDone, match="Nobody else"):
        does("end-staff", olga, olga)
    does("make-staff", olga, alice)
    client = Client()
    client.force_login(Account.objects.get(id=alice.id))
    assert client.get("/console/").status_code == 200
    does("end-staff", olga, Account.objects.get(id=alice.id))
    assert client.get("/console/").status_code == 404 or client.get("/console/").status_code == 302
    with pytest.raises(NotDone, match="your own"):
        does("suspend", olga, olga)


def test_a_lost_second_factor_is_reset_and_its_person_gets_a_mail(alice: Account, olga: Account):
    Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={"secret": "x"})
    does("reset-factors", olga, alice, reason="Their passport, on a call.")
    assert not Authenticator.objects.filter(user=alice).exists()
    (letter,) = mail.outbox
    assert (letter.to, letter.subject) == (["alice@example.org"], "Your second factor was removed")
    with pytest.raises(NotDone, match="no second factor"):
        does("reset-factors", olga, alice)


def test_a_renamed_bot_is_reached_by_its_new_name_and_its_invites_lead_there(
    alice: Account, olga: Account, bot: Agent, invite: Invite, steward: Any, monkeypatch: pytest.MonkeyPatch
):
    steward()
    launch = Progress.objects.get(bot=bot).launch
    does("rename", olga, bot, "other")
    assert steward() == {"other": True}
    assert Progress.objects.get(bot=bot).launch == launch + 1, "its address is read anew at each launch"
    assert bot_by_name(alice.agent, "other").id == bot.id
    assert pages(invite) == [200, 200, 200]
    assert mail.outbox[0].subject == "my is now called other"
    with pytest.raises(NotDone):
        does("rename", olga, again(bot), "no name at all!")


def test_a_bot_is_handed_over(alice: Account, olga: Account, bot: Agent):
    bob = account("bob")
    does("hand-over", olga, bot, "Bob@example.org")
    assert [owner.email for owner in owners.owners_of(bot)] == ["bob@example.org"]
    assert {letter.to[0] for letter in mail.outbox} == {"alice@example.org", "bob@example.org"}
    does("allow", olga, alice, "0")
    with pytest.raises(NotDone, match="as many bots"):
        does("hand-over", olga, bot, alice.email)
    with pytest.raises(NotDone, match="no open account"):
        does("hand-over", olga, bot, "eve@example.org")
    assert [owner.id for owner in owners.owners_of(bot)] == [bob.id]


VALUES = {
    "allow": "3", "rename": "other", "hand-over": "bob@example.org", "move": "m1", "confirm-place": "m1"
}  # fmt: skip
BEFORE = {
    "undrain": "drain", "reinstate": "suspend", "unblock": "block", "put-up": "take-down", "end-staff": "make-staff"
}  # fmt: skip


@pytest.mark.parametrize("name", [*OF_PERSON, *OF_BOT, *OF_LOST, *OF_MACHINE])
def test_each_action_is_a_command_too_needs_a_reason_and_is_in_the_journal(
    name: str, alice: Account, olga: Account, bot: Agent, monkeypatch: pytest.MonkeyPatch, settings_of: Any
):
    account("bob")
    m1 = machine("m1", seen_at=timezone.now())
    settings_of(host="salt", vault="file:///copies", vault_opens="/key")
    Vaulted.objects.create(bot_id=bot.id, things=1, lost_at=timezone.now())
    Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={"secret": "x"})
    acted_on = alice if name in OF_PERSON else m1 if name in OF_MACHINE else bot
    target = {alice: alice.email, m1: "m1", bot: bot.name}[acted_on]
    Unconfirmed.objects.create(bot=bot, generation=1)
    if before := BEFORE.get(name):
        does(before, olga, acted_on)
    monkeypatch.setattr(command, "configure", lambda **_: None)
    monkeypatch.setenv("SUDO_USER", "olga")
    told = JournalEntry.objects.count()
    words = [name, target, *([VALUES[name]] if name in VALUES else [])]
    run = CliRunner().invoke(command.operator, words)
    assert run.exit_code == 2
    assert "--reason" in run.output
    run = CliRunner().invoke(command.operator, [*words, "--reason", "  "])
    assert "Give a reason" in run.output
    assert JournalEntry.objects.count() == told
    run = CliRunner().invoke(command.operator, [*words, "--reason", WHY])
    assert run.exit_code == 0, run.output
    entry = JournalEntry.objects.latest("id")
    assert (entry.actor, entry.detail["reason"]) == ("operator olga", WHY)
    assert entry.bot_id == (alice.agent_id if name in OF_PERSON else acted_on.id)


def test_the_command_and_the_console_have_the_same_actions():
    assert set(command.ACTIONS) == {*OF_PERSON, *OF_BOT, *OF_LOST, *OF_MACHINE}


def test_an_operator_brings_back_a_bot_whose_data_is_lost(olga: Account, bot: Agent, settings_of: Any):
    settings_of(vault="file:///copies", vault_opens="/key")
    copy = Vaulted.objects.create(bot_id=bot.id, things=1)
    client = Client()
    client.force_login(olga)
    path, given = f"/console/act/bot/{bot.id}", {"action": "come-back", "reason": WHY}
    assert "Bring the bot back from the vault" in client.get(path).content.decode()
    assert "is not lost" in client.post(path, given).content.decode()
    Vaulted.objects.update(lost_at=timezone.now())
    assert client.post(path, given).status_code == 302
    copy.refresh_from_db()
    assert (copy.back, copy.back_by) == (ReturnStep.ASKED, str(olga.agent_id))


def test_a_drained_machine_gets_no_new_bots():
    one = machine("m1")
    assert drain(one)
    assert Machine.objects.get(id=one.id).state == "draining"
    assert not drain(one), "it is already"
    assert drain(one, undo=True)
    assert Machine.objects.get(id=one.id).state == "ready"


@pytest.fixture
def m1(settings_of: Any) -> Machine:
    """Two of its three bots are left while it is emptied; another machine has room."""
    settings_of(host="salt")
    machine("m2", seen_at=timezone.now())
    return machine("m1", seen_at=timezone.now())


def test_a_machine_is_emptied_one_bot_after_the_other(m1: Machine, alice: Account, olga: Account):
    for name in ("first", "second"):
        placed_bot(alice.agent, m1, name)
    does("empty", olga, m1)
    assert emptied(m1) == ("draining", "first"), "the other one runs on meanwhile"
    assert emptied(m1) == ("draining", "first"), "its move is not over yet"
    arrives("first")
    assert emptied(m1) == ("draining", "second")
    arrives("second")
    assert emptied(m1) == ("draining", "")


def test_emptying_ends_at_a_bot_that_cannot_be_moved(m1: Machine, alice: Account, olga: Account):
    """Otherwise it would be stopped again and again."""
    placed_bot(alice.agent, m1, "first")
    does("empty", olga, m1)
    emptied(m1)
    Progress.objects.update(moves=1, move_notice="Its data is damaged.")
    assert emptied(m1) == ("draining", "first")
    m1.refresh_from_db()
    assert "Its data is damaged." in m1.emptying["trouble"]
    Progress.objects.update(move_notice="")
    does("empty", olga, m1)
    emptied(m1)
    assert Wanted.objects.get(bot__name="first").moves == 2, "run again, it goes on"


def test_emptying_ends_if_there_is_no_room_elsewhere(m1: Machine, alice: Account, olga: Account):
    placed_bot(alice.agent, m1, "first")
    drain(Machine.objects.get(minion_id="m2"))
    does("empty", olga, m1)
    emptied(m1)
    m1.refresh_from_db()
    assert "no room" in m1.emptying["trouble"]
    does("undrain", olga, m1)
    assert emptied(m1) == ("ready", "")


def emptied(machine: Machine) -> tuple[str, str]:
    """After one more step of the monitor: the machine's state, and the bot whose turn it is."""
    go_on_emptying(timezone.now())
    machine.refresh_from_db()
    turn = bots().filter(id=machine.emptying.get("bot")).first()
    return machine.state, turn.name if turn else ""


def arrives(name: str) -> None:
    """The steward has moved it to its new place."""
    wanted = Wanted.objects.get(bot__name=name)
    to = Machine.objects.get(minion_id=wanted.place)
    Progress.objects.filter(bot=wanted.bot_id).update(moves=wanted.moves)
    Placement.objects.filter(bot=wanted.bot_id).update(machine=to)
