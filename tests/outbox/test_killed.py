"""Whatever happens to a sender: each message arrives, and arrives twice only after a sender was killed in
between.
"""

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from butt.accounts.models import Account
from butt.outbox.channels import CHANNELS, Mail
from butt.outbox.models import OutboxMessage, Preferences
from butt.outbox.posting import post, post_after
from butt.outbox.sending import LEASE, LONGEST_BACK_OFF, send_due
from tests.people import account


class Killed(BaseException):
    """Ends a sender as a kill does: nothing after it runs."""


class Post(Mail):
    """A channel whose next calls end as told: "arrives", "fails", or the sender is killed "before" or "after" it arrives."""

    def __init__(self) -> None:
        self.next: list[str] = []
        self.arrived: Counter[int] = Counter()
        self.order: list[tuple[str, str]] = []
        self.may_be_double: set[int] = set()

    def send(self, message: OutboxMessage, to: Account, chosen: Preferences) -> bool:
        happens = self.next.pop(0) if self.next else "arrives"
        if happens == "fails":
            return False
        if happens == "before":
            raise Killed
        self.arrived[message.pk] += 1
        self.order.append((message.about, message.event))
        if happens == "after":
            self.may_be_double.add(message.pk)
            raise Killed
        return True


class Life:
    """One owner's bots go down and come back, while somebody sends."""

    def __init__(self, alice: Account, post_: Post) -> None:
        self.alice, self.post, self.now = alice, post_, timezone.now()
        self.bots = 0
        self.down: list[str] = []

    def falls(self) -> None:
        self.bots += 1
        about = str(self.bots)
        for _ in range(2):  # as a package that is killed before it records that it posted
            post("down", about, [self.alice], self.now, bot="my", at=self.now, reason="", link="/")
        self.down.append(about)

    def rises(self) -> None:
        if self.down:
            post_after("up", "down", self.down.pop(), self.now, bot="my", at=self.now, link="/")

    def sends(self, happens: list[str]) -> None:
        self.post.next = list(happens)
        with suppress(Killed):
            send_due(self.now)
        self.post.next = []

    def waits(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    def settles(self) -> None:
        """Long enough for each lease and each back-off to end."""
        for _ in range(3):
            self.now += LEASE + LONGEST_BACK_OFF
            while send_due(self.now):
                pass


HAPPENS = st.sampled_from(["arrives", "fails", "before", "after"])
STEPS = st.one_of(
    st.just(("falls",)),
    st.just(("rises",)),
    st.tuples(st.just("sends"), st.lists(HAPPENS, min_size=1, max_size=4)),
    st.tuples(st.just("waits"), st.sampled_from([0.1, 1, 6, 90])),
)


@pytest.mark.django_db
@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, min_size=3, max_size=14))
def test_each_message_arrives_and_twice_only_after_a_sender_was_killed(steps: list[tuple[Any, ...]]):
    there = Post()
    with pytest.MonkeyPatch.context() as patch, transaction.atomic():
        patch.setitem(CHANNELS, "mail", there)
        life = Life(account("alice"), there)
        for step, *given_ in steps:
            getattr(life, step)(*given_)
        life.settles()
        told = [(message.event, message.about, message.pk) for message in OutboxMessage.objects.all()]
        withdrawn = {about for event, about, _ in told if event == "up"}
        transaction.set_rollback(True)
    for event, about, message in told:
        assert there.arrived[message] or (event == "down" and about in withdrawn), "lost"
    twice = {message for message, times in there.arrived.items() if times > 1}
    assert twice <= there.may_be_double
    for about in withdrawn:
        events = [event for of, event in there.order if of == about]
        assert "down" not in events[events.index("up") :], "told that it is down after it is back"
