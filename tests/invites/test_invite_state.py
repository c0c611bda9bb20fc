"""The state of an invite: once closed it stays closed, with the reason that a person would give."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from butt.invites.invite_state import InviteState, invite_state

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
times = st.none() | st.integers(-100, 100).map(lambda hours: BEGIN + timedelta(hours=hours))


@given(st.integers(1, 5), st.integers(0, 6), times, times)
def test_an_invite_is_open_only_if_nothing_closes_it(uses, used, revoked_at, expires_at):
    found = invite_state(uses=uses, used=used, revoked_at=revoked_at, expires_at=expires_at, now=BEGIN)
    against = [
        used >= uses and InviteState.SPENT,
        revoked_at is not None and InviteState.REVOKED,
        expires_at is not None and expires_at <= BEGIN and InviteState.EXPIRED,
    ]
    assert found == next((reason for reason in against if reason), InviteState.OPEN)


class Life(RuleBasedStateMachine):
    """An invite is used, revoked and grows older, in any order."""

    def __init__(self):
        super().__init__()
        self.uses, self.used, self.revoked_at, self.now = 3, 0, None, BEGIN
        self.was_closed = False

    @property
    def found(self) -> InviteState:
        expires_at = BEGIN + timedelta(days=2)
        return invite_state(
            uses=self.uses, used=self.used, revoked_at=self.revoked_at, expires_at=expires_at, now=self.now
        )

    @precondition(lambda self: self.found is InviteState.OPEN)
    @rule()
    def use(self):
        self.used += 1

    @rule()
    def revoke(self):
        self.revoked_at = self.revoked_at or self.now

    @rule(hours=st.integers(1, 30))
    def wait(self, hours):
        self.now += timedelta(hours=hours)

    @invariant()
    def closed_stays_closed(self):
        assert not (self.was_closed and self.found is InviteState.OPEN)
        self.was_closed = self.found is not InviteState.OPEN

    @invariant()
    def it_is_never_used_more_often_than_it_says(self):
        assert self.used <= self.uses


TestLife = Life.TestCase
