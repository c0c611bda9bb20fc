"""Samples of a bot are kept while it runs: no gap is longer than the fault at that time."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from chaos.disturbances import Disturbances
from chaos.journal import Journal
from chaos.processes import Processes

if TYPE_CHECKING:
    from chaos.people import Person

WINDOW = 20.0
"""Seconds: a sample stands for 10 of them, and the newest may be of the stretch before."""

STARTING = 15.0
"""Seconds that a process may take until it is seen to be alive."""


def are_kept(
    people: Sequence["Person"],
    bots: list[Any],
    processes: Processes,
    wrong: Disturbances,
    journal: Journal,
) -> None:
    moments = {bot["id"]: found for bot in bots if (found := _moments(people, bot)) is not None}
    looked = 0
    for pid, life in processes.lives().items():
        if life.bot_id not in moments:
            continue
        seen = [at for at in moments[life.bot_id] if life.first <= at <= life.last]
        for begin, end in pairwise([life.first + STARTING, *seen, life.last]):
            for calm_from, calm_to in wrong.calm_between(begin, end, str(pid)):
                looked += 1
                if calm_to - calm_from > WINDOW:
                    journal.found(
                        f"{life.bot_id} was not seen for {end - begin:.0f} s at {journal.since(begin):.1f} s, "
                        f"{calm_to - calm_from:.0f} of which nothing was wrong in"
                    )
    journal.say(f"{looked} stretches between samples")


def _moments(people: Sequence["Person"], bot: Any) -> list[float] | None:
    """Its samples; None if nobody who may see them gets an answer."""
    for person in people:
        status, answer = person.tries(
            person.calls.call, "GET", f"/agents/{bot['id']}/samples?range=1h", {200, 404}
        ) or (0, None)
        if status == 200:
            return [datetime.fromisoformat(str(row[0])).timestamp() for row in answer["rows"]]
    return None
