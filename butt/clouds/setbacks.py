"""What happens to a move that the cloud did not carry out. Pure, no I/O."""

from datetime import datetime, timedelta

from butt.clouds.capacity import best
from butt.clouds.interface import CloudEffect, CloudTrouble, Denied, OutOfStock, OverQuota, Unsure
from butt.clouds.moves import NO_ROOM, MachineTransition
from butt.clouds.situation import MachineSituation
from butt.reasons import Reason
from scuttlekit.backoff import backoff

TRIES = 3
"""How many times a change of type is tried before the machine is made again instead."""

FIRST_BACK_OFF, LONGEST_BACK_OFF = timedelta(seconds=2), timedelta(minutes=5)


def after_trouble(
    at: MachineSituation, move: MachineTransition, trouble: CloudTrouble, now: datetime
) -> MachineTransition:
    """What happens to a move that the cloud did not carry out, or may not have. The reason is the error's own text."""
    tries = at.rented.tries + 1
    back_off = backoff(tries - 1, FIRST_BACK_OFF, LONGEST_BACK_OFF)
    changes: dict[str, object] = {"tries": tries}
    words = str(trouble)
    if move.effect.makes:
        # The call may have waited for its turn, so the time counts from its end.
        changes["unsure_until"] = now + at.policy.settling if isinstance(trouble, Unsure) else None
    if isinstance(trouble, (OutOfStock, OverQuota)):
        if move.effect is CloudEffect.CHANGE_TYPE and move.target:
            # The server was stopped for this: it goes on with its present type.
            return MachineTransition(move.state, words, changes={**changes, "type": move.target.type})
        if elsewhere := _elsewhere(at, move, trouble):
            reason = Reason("trying-elsewhere", why=words)
            return MachineTransition(move.state, reason, changes={**changes, **elsewhere})
        back_off = max(back_off, NO_ROOM)
        if not at.rented.held:
            changes["tried"] = []
    if (
        move.effect is CloudEffect.CHANGE_TYPE
        and tries >= TRIES
        and not isinstance(trouble, (Unsure, Denied))
    ):
        # The server was stopped for this, and would stay so.
        return MachineTransition(move.state, words, changes={**changes, "remake": True})
    return MachineTransition(move.state, words, wait=back_off, changes=changes)


def _elsewhere(at: MachineSituation, move: MachineTransition, trouble: CloudTrouble) -> dict[str, object]:
    """Another zone as long as there is no data: even its very first boot may be refused. After that, another type.

    A quota may apply to one zone, to one type, or to the whole account, and no call says for sure which. So the others are tried
    as well, but nothing is given up when there is no other place; then the quota remains the reason.
    """
    here, needs = at.rented.zone, at.policy.needs
    if not at.rented.held or "held" in move.changes:
        over = isinstance(trouble, OverQuota)
        tried = [*at.rented.tried, here if over else f"{here}/{at.rented.type}"]
        other = best(at.offers, needs, at.policy.zones, tried)
        if over and other is None:
            return {}
        if move.effect is CloudEffect.MAKE_SERVER and other and other.zone == here:
            # Everything that was made for it stays.
            return {"type": other.type, "tried": tried}
        return {"held": False, "zone": "", "type": "", "volume_id": "", "tried": tried}
    if move.effect not in {CloudEffect.MAKE_SERVER, CloudEffect.BOOT}:
        return {}
    others = [offer for offer in at.offers if offer.type != at.rented.type]
    other = best(others, needs, (here,))
    return {"type": other.type} if other else {}
