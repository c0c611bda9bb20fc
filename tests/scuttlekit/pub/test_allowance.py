"""How much each peer may use in a day."""

from scuttlekit.pub.allowance import DAY, DailyAllowance


def test_each_has_its_own_allowance_and_all_start_again_after_a_day():
    now = 0.0
    given = DailyAllowance(100, lambda: now)
    assert not given.use("alice", 100)
    assert not given.is_used_up("alice")
    assert given.use("alice", 1)
    assert not given.use("alice", 1), "it is told once"
    assert given.is_used_up("alice")
    assert not given.is_used_up("bob")
    assert not given.renew()
    now += DAY
    assert given.renew()
    assert not given.is_used_up("alice")
