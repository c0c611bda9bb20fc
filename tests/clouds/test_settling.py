"""The keeper looks at what is wanted once that was written, and hardly ever otherwise."""

import time
from threading import Event, Thread

import pytest
from django.db import connections

from butt.agents.models import Wanted
from butt.agents.states import State
from butt.clouds import keeper as keeping
from butt.clouds.keeper import Keeper
from butt.waking.listening import is_listening
from tests.people import bot_in, person
from tests.service import wait_for


@pytest.mark.django_db(transaction=True)
def test_a_write_to_what_is_wanted_wakes_the_keeper(keeper: Keeper, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(keeping, "SELDOM", 3600.0)
    monkeypatch.setattr(keeping, "SETTLE_EVERY", 0.05)
    bot_in(State.ALIVE, person("alice"))
    looks, ends = list[float](), Event()

    def run() -> None:
        keeper.run(lambda: not ends.is_set(), lambda: looks.append(time.monotonic()))
        connections.close_all()

    def rests() -> bool:
        """Whether it looked at first, and has not looked again for a while."""
        return bool(looks) and time.monotonic() - looks[-1] > 0.5

    worker = Thread(target=run)
    worker.start()
    try:
        wait_for(is_listening)
        wait_for(rests)
        before = len(looks)
        Wanted.objects.update(run=False)
        wait_for(lambda: len(looks) > before)
    finally:
        ends.set()
        worker.join(60)
