"""A steward whose host cannot say how a bot is: the bot stays as it is, and says for what it waits."""

import uuid
from collections.abc import Collection, Mapping
from datetime import timedelta

import pytest
from django.utils import timezone

from butt.agents.models import Progress
from butt.agents.states import State
from butt.hosts import Away, HostTrouble, Sighting
from butt.steward.steward import Steward
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db


class Unreachable:
    """A host that knows nothing of any bot now; only what the steward asks of it is here."""

    def __init__(self, trouble: HostTrouble) -> None:
        self._trouble = trouble

    def look(self, bot_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Sighting | Exception]:
        return dict.fromkeys(bot_ids, self._trouble)


@pytest.mark.parametrize(
    ("trouble", "goes_on"), [(Away("it is gone."), False), (HostTrouble("it fails."), True)]
)
def test_time_to_start_does_not_run_while_the_machine_is_away(trouble: HostTrouble, goes_on: bool):
    bot = bot_in(State.STARTING, person("alice"))
    deadline = timezone.now() + timedelta(seconds=1)
    Progress.objects.filter(bot=bot).update(deadline=deadline, due_at=timezone.now())
    Steward(Unreachable(trouble), ()).round()  # type: ignore[arg-type]
    progress = Progress.objects.get(bot=bot)
    assert (progress.state, progress.reason) == ("starting", f"Waiting for its machine: {trouble}")
    assert progress.deadline is not None
    assert (progress.deadline == deadline) is goes_on
