"""Every action by name, for the console and the command alike: neither has an action that the other lacks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from butt.accounts.models import Account
from butt.agents.models import Agent
from butt.machines.models import Machine
from butt.operating import NotDone, bots, machines, moving, people, restored

LONGEST_REASON = 300


@dataclass(frozen=True)
class OperatorAction:
    """`value` names what must be given besides the reason; empty if nothing."""

    name: str
    does: str
    do: Callable[..., None]
    value: str = ""


def _by_name(*actions: OperatorAction) -> dict[str, OperatorAction]:
    return {action.name: action for action in actions}


OF_PERSON = _by_name(
    OperatorAction("suspend", "Close the account, stop its bots and hide their pages.", people.suspend),
    OperatorAction("reinstate", "Open the account again. Its bots run as before.", people.reinstate),
    OperatorAction("allow", "Set how many bots they may have.", people.allow, "how many bots"),
    OperatorAction("make-staff", "Let them use the console.", people.make_staff),
    OperatorAction("end-staff", "Stop them from using the console.", people.end_staff),
    OperatorAction(
        "reset-factors",
        "Remove a lost second factor. Give as the reason how they proved who they are.",
        people.reset_factors,
    ),
)
OF_BOT = _by_name(
    OperatorAction("block", "Stop the bot and hide its pages. Its people can read the reason.", bots.block),
    OperatorAction("unblock", "Let the bot run again, as it is wanted.", bots.unblock),
    OperatorAction(
        "take-down", "Hide the pages of the bot and its invites. It keeps running.", bots.take_pages_down
    ),
    OperatorAction("put-up", "Show the pages again.", bots.put_pages_up),
    OperatorAction("rename", "Rename the bot and restart it.", bots.rename, "the new name"),
    OperatorAction("hand-over", "Give the bot to somebody else.", bots.hand_over, "their email address"),
    OperatorAction(
        "move",
        "Stop the bot, copy its data to another machine and start it there.",
        moving.move,
        "the machine",
    ),
    OperatorAction(
        "confirm-place",
        "Say where a bot lives that has been waiting since the service was restored from a backup.",
        restored.confirm_place,
        "the machine, or `here`",
    ),
)
OF_MACHINE = _by_name(
    OperatorAction("drain", "Place no new bots on it. Its bots stay.", machines.drain),
    OperatorAction("undrain", "Place new bots on it again, and move no more bots away.", machines.undrain),
    OperatorAction("empty", "Move all of its bots to other machines, one after the other.", machines.empty),
)


def act(
    action: OperatorAction,
    actor: Agent | str,
    target: Account | Agent | Machine,
    reason: str,
    value: str = "",
) -> None:
    """Take the action, and write who and why to the journal. Raises `NotDone`."""
    reason, value = " ".join(reason.split())[:LONGEST_REASON], value.strip()
    if not reason:
        raise NotDone("Give a reason. The journal records it.")
    if action.value and not value:
        raise NotDone(f"Give {action.value}.")
    given: tuple[Any, ...] = (value,) if action.value else ()
    action.do(actor, target, reason, *given)
