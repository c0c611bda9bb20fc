"""What a person can ask for. Each action only writes down what is wanted; the steward makes it so.

An action that cannot be granted raises `Refused`, with a message for the person and a code for programs.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from butt.agents import journal
from butt.agents.bots import ownerships
from butt.agents.effective_state import effective_state, why_held
from butt.agents.models import Agent, Allowance, Belongs, Observed, Progress, RoomMode, Wanted
from butt.agents.names import BadName, clean_bot_name
from butt.agents.signals import bot_requested
from butt.agents.states import TO_RUN, Action, State, may_ask
from butt.agents.wake import wake_steward
from butt.agents.words import can_be_seen, plain
from butt.configuration import configuration
from butt.services.interface import ServicePart
from butt.services.known import USUAL, service_named, services
from butt.trouble import Trouble
from scuttlekit import InvalidFormat, network_key, network_name
from scuttlekit.network_keys import MAIN

LONGEST_DESCRIPTION = 2000
MOST_HOPS = 3
_PARTS = {
    ServicePart.HOPS: "hops, because it keeps no messages of other people",
    ServicePart.LIMITS: "limits of its disk",
    ServicePart.JOINING: "other pubs to join",
}


class Refused(Trouble):
    """A request that is not granted."""

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


def check_bot_name(name: str) -> str:
    """`name`, cleaned, if a new bot may have it. Raises `Refused`: `bad_name` or `name_taken`."""
    try:
        name = clean_bot_name(name)
    except BadName as bad:
        raise Refused("bad_name", str(bad), "name") from None
    if Agent.objects.filter(type=Agent.Type.BOT, name=name).exists():
        raise _name_taken(name)
    return name


def check_may_have_another(person: Agent) -> int:
    """The number of bots this person owns, if they may have another one. Raises `Refused` `too_many`."""
    allowed = Allowance.objects.filter(person=person).values_list("bots", flat=True).first()
    # A bot that they only moderate does not count.
    has, most = (
        ownerships().filter(target_agent=person).count(),
        configuration().bots_per_person if allowed is None else allowed,
    )
    if has >= most:
        raise Refused(
            "too_many",
            f"You have {most} bots, which is the maximum. Delete one first, or ask the operators to allow more.",
        )
    return has


def create_bot(
    person: Agent,
    name: str,
    *,
    service: str = USUAL,
    description: str = "",
    network: str = MAIN,
) -> Agent:
    """Create a bot of this service that belongs to `person`. Its network, a name or a key, can never change.

    Raises `Refused`: `bad_name`, `name_taken`, `too_many`, `bad_service`, `bad_network`. Where machines are
    rented, also `no_room`.
    """
    if service not in services():
        raise Refused("bad_service", f"Choose a service: {', '.join(services())}.", "service")
    name, description = check_bot_name(name), _clean_description(description)
    network = clean_network(network)
    try:
        with transaction.atomic():
            Agent.objects.select_for_update().get(id=person.id)
            has = check_may_have_another(person)
            bot_requested.send(Agent, person=person, bots=has + 1)
            bot = Agent.objects.create(
                type=Agent.Type.BOT, name=name, service=service, description=description
            )
            Belongs.objects.create(source_agent=bot, target_agent=person, pays=True)
            bot.wanted = Wanted.objects.create(bot=bot, network=network, **services()[service].configuration)
            bot.observed = Observed.objects.create(bot=bot)
            bot.progress = Progress.objects.create(bot=bot, since=timezone.now(), due_at=timezone.now())
            journal.note(bot, person, "create")
    except IntegrityError:
        raise _name_taken(name) from None
    return bot


def clean_network(text: str) -> str:
    """The name of a network, or its key in base64 if it has no name. Raises `Refused` `bad_network`."""
    try:
        return network_name(network_key(text.strip()))
    except InvalidFormat:
        raise Refused(
            "bad_network",
            "A network is “main”, “oasis”, or a key of your own: 32 bytes in base64 (44 characters).",
            "network",
        ) from None


def describe(person: Agent, bot: Agent, description: str) -> None:
    """Change the bot's description of itself. Raises `Refused` `bad_description`."""
    bot.description = _clean_description(description)
    bot.save(update_fields=["description"])
    journal.note(bot, person, "describe")


def announce(person: Agent, bot: Agent, *, announced: bool) -> None:
    """Start or stop publishing the bot's address in its feed. What was published stays. Raises `Refused`:
    `wrong_state`.
    """
    set_wanted(person, bot, "announced", announced)


def set_hops(person: Agent, bot: Agent, hops: int) -> None:
    """Set how far away in the follow graph the bot keeps messages; the bot restarts to apply it.

    Raises `Refused`: `bad_hops`, `bad_service`, `wrong_state`.
    """
    check_has(bot, ServicePart.HOPS)
    if not 0 <= hops <= MOST_HOPS:
        raise Refused("bad_hops", f"Hops must be a number from 0 to {MOST_HOPS}.", "hops")
    if bot.wanted.hops == hops:
        return
    if bot.observed.hops is None:
        raise Refused("wrong_state", f"The code of {bot.name} does not support hops. Upgrade it first.")
    if bot.progress.previous:
        raise Refused("wrong_state", f"{bot.name} is trying out new code. Set its hops in a minute.")
    set_wanted(person, bot, "hops", hops)
    if bot.wanted.run and may_ask(Action.RESTART, effective_state(bot)):
        restart(person, bot)


def set_room_mode(person: Agent, bot: Agent, mode: str) -> None:
    """Choose who may meet in the bot's room. Raises `Refused`: `bad_mode`, `wrong_state`."""
    if mode not in RoomMode:
        raise Refused("bad_mode", f"Choose who may meet in the room: {', '.join(RoomMode)}.", "room")
    if bot.observed.attendants is None:
        raise Refused(
            "wrong_state",
            f"The code of {bot.name} has no room, or the bot is not running. Start or upgrade it first.",
        )
    if bot.wanted.room_mode != mode:
        set_wanted(person, bot, "room_mode", mode)


def check_has(bot: Agent, part: ServicePart) -> None:
    """Raises `Refused` `bad_service` if bots of this service do not have this part."""
    if part not in service_named(bot.service).parts:
        raise Refused("bad_service", f"{bot.name} is a {bot.service}: it has no {_PARTS[part]}.", part)


def set_wanted(
    person: Agent, bot: Agent, field: str, value: object, noted: Mapping[str, object] | None = None
) -> None:
    """Change one wanted field of the bot and write it to the journal, with `noted` in place of the value if
    given.

    Raises `Refused`: `wrong_state`.
    """
    if bot.wanted.gone_at is not None:
        raise Refused("wrong_state", f"{bot.name} is #leaving and cannot be changed. Restore it first.")
    setattr(bot.wanted, field, value)
    bot.wanted.save(update_fields=[field])
    journal.note(bot, person, field, **({field: value} if noted is None else noted))


def start(person: Agent, bot: Agent) -> None:
    ask(person, bot, Action.START, lambda wanted: {"run": True, "restarts": _again_if_broken(bot, wanted)})


def stop(person: Agent, bot: Agent) -> None:
    ask(person, bot, Action.STOP, lambda _: {"run": False})


def restart(person: Agent, bot: Agent) -> None:
    ask(person, bot, Action.RESTART, lambda wanted: {"run": True, "restarts": wanted.restarts + 1})


def delete(actor: Agent | str, bot: Agent) -> None:
    """Stop the bot at once and keep its data for `keep_days`; until then, `restore` brings it back."""
    gone_at = timezone.now() + timedelta(days=configuration().keep_days)
    ask(actor, bot, Action.DELETE, lambda wanted: {"gone_at": wanted.gone_at or gone_at})


def restore(person: Agent, bot: Agent) -> None:
    """Undo a `delete`: the bot runs again, or stays stopped, as was wanted before."""
    ask(person, bot, Action.RESTORE, lambda _: {"gone_at": None})


ACTIONS: dict[Action, Callable[[Agent, Agent], None]] = {
    Action.START: start,
    Action.STOP: stop,
    Action.RESTART: restart,
    Action.DELETE: delete,
    Action.RESTORE: restore,
}


def _again_if_broken(bot: Agent, wanted: Wanted) -> int:
    """A broken bot is already wanted running; asking again means to try now, not when the back-off ends."""
    return wanted.restarts + (bot.progress.state == State.BROKEN)


def ask(
    actor: Agent | str, bot: Agent, action: Action, change: Callable[[Wanted], dict[str, object]]
) -> None:
    """Write down what is now wanted of the bot; `actor` as in the journal.

    Raises `Refused`: `wrong_state`, `gone`, `held`, `bad_service`.
    """
    with transaction.atomic():
        bot.wanted = wanted = Wanted.objects.select_for_update().get(bot=bot)
        bot.progress, bot.observed = Progress.objects.get(bot=bot), Observed.objects.get(bot=bot)
        state = State.LEAVING if wanted.gone_at else effective_state(bot)
        if wanted.gone_at and wanted.gone_at <= timezone.now():
            raise Refused("gone", "This bot can no longer be restored. Its data is being removed.")
        if action is Action.DELETE and wanted.gone_at:
            return  # Already granted: a second click, or a program that did not get the answer.
        if action in TO_RUN and (why := why_held(wanted)):
            raise Refused("held", why)
        if action not in service_named(bot.service).actions:
            raise Refused("bad_service", f"You cannot {action} {bot.name}: it is a {bot.service}.")
        if not may_ask(action, state):
            raise Refused("wrong_state", f"You cannot {action} {bot.name} while it is #{state}.")
        changes = {**change(wanted), "asked_at": timezone.now()}
        for field, value in changes.items():
            setattr(wanted, field, value)
        # The other fields are not ours: what billing writes meanwhile must not be overwritten.
        wanted.save(update_fields=list(changes))
        journal.note(bot, actor, action)
        wake_steward(bot.id)


def _clean_description(text: str) -> str:
    text = plain(text).strip().replace("\r\n", "\n")
    if len(text) > LONGEST_DESCRIPTION:
        raise Refused(
            "bad_description",
            f"A description can have at most {LONGEST_DESCRIPTION} characters. Shorten it.",
            "description",
        )
    if not can_be_seen(text.replace("\n", "")):
        raise Refused("bad_description", "A description cannot contain invisible characters.", "description")
    return text


def _name_taken(name: str) -> Refused:
    return Refused("name_taken", f"“{name}” is taken. Please choose another name.", "name")
