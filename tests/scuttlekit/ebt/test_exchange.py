"""The rules of EBT, between programs that follow them and with some that do not."""

from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from scuttlekit.ebt import LONG_PATIENCE, NOT_REPLICATED, PATIENCE, Exchange, note
from tests.scuttlekit.ebt.society import Society, feed

ALICE, BOB, CAROL, DAVE = (feed(number) for number in range(4))


def both(first: str = ALICE, second: str = BOB) -> Society:
    society = Society([first, second])
    for node in society.nodes:
        node.exchange.want([first, second])
    return society


def clock(exchange: Exchange, remote) -> dict[str, int]:
    notes = {}
    while portion := exchange.take_notes(remote, 100):
        notes |= portion
    return notes


class TestTwo:
    def test_each_gets_what_the_other_has(self):
        society = both()
        for _ in range(7):
            society.publish(0)
        society.publish(1)
        society.link(0, 1)
        society.settle()
        assert society.nodes[0].has == society.nodes[1].has == {ALICE: 7, BOB: 1}

    def test_what_is_published_meanwhile_is_sent_at_once(self):
        society = both()
        society.link(0, 1)
        society.settle()
        society.publish(1)
        link = society.links[0, 1]
        assert link.speak(1, society.now)
        assert list(link.ends[0].inbox) == [(BOB, 1)]

    def test_a_peer_that_lost_everything_gets_its_own_feed_back(self):
        society = both()
        for _ in range(5):
            society.publish(0)
        society.link(0, 1)
        society.settle()
        society.cut(0, 1)
        alone = Society([ALICE, BOB])
        alone.nodes[1] = society.nodes[1]
        alone.nodes[0].exchange.want([ALICE])
        alone.link(0, 1)
        alone.settle()
        assert alone.nodes[0].has[ALICE] == 5

    def test_a_peer_that_is_no_longer_followed_still_gets_a_note_of_its_own_feed(self):
        exchange = Exchange()
        exchange.have(ALICE, 5, 0)
        exchange.have(BOB, 5, 0)
        assert clock(exchange, exchange.join(ALICE)) == {ALICE: note(5, wants=False)}

    def test_a_feed_that_we_have_but_do_not_want_is_given_on_request(self):
        exchange = Exchange()
        exchange.have(BOB, 5, 0)
        alice = exchange.join(ALICE)
        assert clock(exchange, alice) == {}
        exchange.hear_notes(alice, {BOB: note(2, wants=True)}, 0)
        assert exchange.take_due(alice) == (BOB, 2)

    def test_a_peer_that_said_no_is_told_once_more_when_there_is_news(self):
        """ssb-ebt says no to feeds that it hears of before its app has told it whom it follows, and then
        nothing more.
        """
        exchange = Exchange()
        exchange.want([ALICE])
        exchange.have(ALICE, 5, 0)
        bob = exchange.join(BOB)
        assert clock(exchange, bob) == {ALICE: note(5, wants=True)}
        exchange.hear_notes(bob, {ALICE: NOT_REPLICATED}, 0)
        assert clock(exchange, bob) == {}
        exchange.have(ALICE, 6, 1)
        assert clock(exchange, bob) == {ALICE: note(6, wants=False)}
        exchange.have(ALICE, 7, 2)
        assert clock(exchange, bob) == {}, "a no that was repeated, or not taken back, stands"
        exchange.hear_notes(bob, {ALICE: note(5, wants=True)}, 3)
        assert exchange.take_due(bob) == (ALICE, 5)

    def test_a_clock_is_believed_as_it_is_now(self):
        exchange = Exchange(pause=lambda: 1.0)
        exchange.have(BOB, 5, 0)
        alice = exchange.join(ALICE)
        exchange.hear_notes(alice, {BOB: note(5, wants=True)}, 0)
        assert exchange.take_due(alice) is None
        exchange.hear_notes(alice, {BOB: note(1, wants=True)}, 0)
        exchange.tick(1)
        assert exchange.take_due(alice) == (BOB, 1)

    def test_sent_messages_are_sent_again_only_after_a_pause(self):
        """An app that gets the same from two peers at once may refuse both, and asks both again."""
        exchange = Exchange(pause=lambda: 2.0)
        exchange.have(BOB, 5, 0)
        alice = exchange.join(ALICE)
        exchange.hear_notes(alice, {BOB: note(3, wants=True)}, 0)
        assert exchange.take_due(alice) == (BOB, 3)
        exchange.sent(alice, BOB, 5)
        for now, after in ((1, 3), (2, 3), (2, 2)):
            exchange.hear_notes(alice, {BOB: note(after, wants=True)}, now)
            exchange.have(BOB, 5 + now, now)
            exchange.tick(now)
            assert exchange.take_due(alice) is None
        exchange.tick(3)
        assert exchange.take_due(alice) == (BOB, 2)

    def test_a_peer_that_caught_up_elsewhere_is_sent_the_next_message_at_once(self):
        exchange = Exchange()
        exchange.have(BOB, 5, 0)
        alice = exchange.join(ALICE)
        exchange.hear_notes(alice, {BOB: note(3, wants=True)}, 0)
        exchange.sent(alice, BOB, 5)
        exchange.hear_notes(alice, {BOB: note(3, wants=True)}, 1)
        exchange.hear_notes(alice, {BOB: note(5, wants=True)}, 1)
        exchange.have(BOB, 6, 1)
        assert exchange.take_due(alice) == (BOB, 5)

    def test_asking_for_many_feeds_again_takes_no_more_memory(self):
        feeds = [f"feed {number}" for number in range(2000)]
        exchange = Exchange()
        alice = exchange.join(ALICE)
        for one in feeds:
            exchange.have(one, 5, 0)
        for after in (5, 3):
            exchange.hear_notes(alice, dict.fromkeys(feeds, note(after, wants=True)), 0)
        at_once = 0
        while due := exchange.take_due(alice):
            exchange.sent(alice, due.feed, 5)
            at_once += 1
        assert at_once == 1500, "beyond a bound nothing waits"
        exchange.tick(10)
        while due := exchange.take_due(alice):
            exchange.sent(alice, due.feed, 5)
            at_once += 1
        assert at_once == 2000

    def test_a_feed_that_nobody_here_has_or_wants_is_refused_and_not_remembered(self):
        exchange = Exchange()
        alice = exchange.join(ALICE)
        before = alice.cost
        for number in range(30):
            notes = {feed(100 + place): note(number, wants=True) for place in range(100)}
            exchange.hear_notes(alice, notes, 0)
            assert clock(exchange, alice) == dict.fromkeys(notes, NOT_REPLICATED)
        assert alice.cost == before

    def test_a_feed_that_is_followed_later_is_asked_for(self):
        society = both()
        society.nodes[1].exchange.want([BOB, CAROL])
        society.nodes[1].append(CAROL, 1, 0)
        society.link(0, 1)
        society.settle()
        assert CAROL not in society.nodes[0].has
        society.nodes[0].exchange.want([ALICE, BOB, CAROL])
        society.settle()
        assert society.nodes[0].has[CAROL] == 1

    def test_a_feed_that_is_not_wanted_any_more_is_not_taken(self):
        society = both()
        society.link(0, 1)
        society.settle()
        society.nodes[0].exchange.want([ALICE])
        society.settle()
        society.publish(1)
        society.settle()
        assert BOB not in society.nodes[0].has
        assert society.nodes[0].refused == 0

    def test_ids_that_were_wanted_for_a_while_leave_nothing_behind(self):
        exchange = Exchange()
        alice = exchange.join(ALICE)
        for start in range(0, 200, 10):
            exchange.want([BOB, *(feed(start + number + 50) for number in range(10) if start < 190)])
            clock(exchange, alice)
        exchange.want([BOB])
        assert len(exchange._feeds) <= 11
        assert clock(exchange, exchange.join(CAROL)) == {BOB: note(0, wants=False)}


class TestWhoMayHave:
    def test_a_feed_whose_author_blocks_the_peer_is_not_given(self):
        exchange = Exchange(lambda author, peer: (author, peer) == (BOB, ALICE))
        exchange.want([BOB, CAROL])
        exchange.have(BOB, 3, 0)
        exchange.have(CAROL, 3, 0)
        alice, dave = exchange.join(ALICE), exchange.join(DAVE)
        assert clock(exchange, alice).keys() == {CAROL}
        assert clock(exchange, dave).keys() == {BOB, CAROL}
        exchange.hear_notes(alice, {BOB: note(0, wants=True)}, 0)
        assert clock(exchange, alice) == {BOB: NOT_REPLICATED}
        assert exchange.take_due(alice) is None

    def test_a_peer_that_is_blocked_meanwhile_is_sent_no_more(self):
        blocked = set()
        exchange = Exchange(lambda author, peer: (author, peer) in blocked)
        exchange.want([BOB])
        exchange.have(BOB, 3, 0)
        alice = exchange.join(ALICE)
        clock(exchange, alice)
        exchange.hear_notes(alice, {BOB: note(3, wants=True)}, 0)
        blocked.add((BOB, ALICE))
        exchange.have(BOB, 4, 0)
        assert exchange.take_due(alice) is None
        assert clock(exchange, alice) == {BOB: NOT_REPLICATED}


class TestOneOfSeveral:
    def ready(self, *ahead: int, friends: tuple[bool, ...] = ()):
        """Peers who say that they have carol's feed this far, and the exchange that wants it."""
        exchange = Exchange()
        exchange.want([CAROL])
        remotes = [
            exchange.join(feed(number + 10), friend=friends[number] if friends else False)
            for number in range(len(ahead))
        ]
        for remote, claimed in zip(remotes, ahead, strict=True):
            clock(exchange, remote)
            exchange.hear_notes(remote, {CAROL: note(claimed, wants=False)}, 0)
        return exchange, remotes

    def test_one_peer_at_a_time_is_asked(self):
        exchange, remotes = self.ready(5, 5, 5)
        assert exchange.source_of(CAROL) is remotes[0]
        assert clock(exchange, remotes[1]) == clock(exchange, remotes[2]) == {}

    def test_a_peer_that_is_ahead_is_asked_when_the_first_has_nothing_new(self):
        exchange, remotes = self.ready(0, 5)
        assert exchange.source_of(CAROL) is remotes[1]
        assert clock(exchange, remotes[0]) == {CAROL: note(0, wants=False)}
        assert clock(exchange, remotes[1]) == {CAROL: note(0, wants=True)}

    def test_a_friend_goes_before_a_stranger(self):
        exchange, remotes = self.ready(9, 5, friends=(False, True))
        assert exchange.source_of(CAROL) is remotes[1]

    def test_another_is_asked_after_a_silence(self):
        exchange, remotes = self.ready(5, 5)
        assert exchange.tick(PATIENCE - 1) == []
        assert exchange.source_of(CAROL) is remotes[0]
        assert exchange.tick(PATIENCE) == []
        assert exchange.source_of(CAROL) is remotes[1]
        assert clock(exchange, remotes[0]) == {CAROL: note(0, wants=False)}

    def test_a_peer_that_sends_other_feeds_is_waited_for_longer_but_not_for_ever(self):
        exchange, remotes = self.ready(5, 5)
        for now in range(int(LONG_PATIENCE)):
            exchange.hear_message(remotes[0], DAVE, now, now)
            exchange.tick(now)
            assert exchange.source_of(CAROL) is remotes[0]
        exchange.hear_message(remotes[0], DAVE, 99, LONG_PATIENCE)
        exchange.tick(LONG_PATIENCE)
        assert exchange.source_of(CAROL) is remotes[1]

    def test_another_is_asked_when_the_first_leaves(self):
        exchange, remotes = self.ready(5, 5)
        exchange.leave(remotes[0])
        exchange.tick(1)
        assert exchange.source_of(CAROL) is remotes[1]

    def test_another_is_asked_after_a_bad_message_and_the_first_later_again(self):
        exchange, remotes = self.ready(5, 5)
        exchange.let_down(remotes[0], CAROL, 1, 0)
        assert exchange.source_of(CAROL) is remotes[1]
        exchange.let_down(remotes[1], CAROL, 1, 1)
        assert exchange.source_of(CAROL) is None
        exchange.tick(PATIENCE - 1)
        assert exchange.source_of(CAROL) is None
        exchange.tick(PATIENCE)
        assert exchange.source_of(CAROL) is remotes[0]
        assert clock(exchange, remotes[0]) == {CAROL: note(0, wants=True)}

    def test_a_feed_that_nobody_else_has_counts_as_stalled_and_is_asked_for_again(self):
        exchange, (remote,) = self.ready(5)
        asked = []
        for now in range(3000):
            stalled = exchange.tick(now)
            assert stalled in ([], [(remote, CAROL)])
            if CAROL in clock(exchange, remote) and exchange.source_of(CAROL) is remote:
                asked.append(now)
        waits = [after - before for before, after in pairwise(asked)]
        assert 5 < len(asked) < 30
        assert waits == sorted(waits), "each time later"
        assert waits[-1] < 400

    def test_a_peer_that_fails_before_sending_notes_is_asked_again_later(self):
        exchange = Exchange()
        exchange.want([CAROL])
        remote = exchange.join(ALICE)
        clock(exchange, remote)
        exchange.let_down(remote, CAROL, 3, 0)
        assert exchange.source_of(CAROL) is None
        exchange.tick(PATIENCE)
        assert exchange.source_of(CAROL) is remote

    def test_a_liar_delays_a_feed_only_for_a_while(self):
        exchange, remotes = self.ready(1000, 5)
        assert exchange.source_of(CAROL) is remotes[0]
        for now in range(int(2 * PATIENCE)):
            exchange.tick(now)
        assert exchange.source_of(CAROL) is remotes[1]

    def test_thousands_of_feeds_of_a_peer_that_left_go_to_others_bit_by_bit(self):
        exchange = Exchange()
        feeds = [f"feed {number}" for number in range(5000)]
        exchange.want(feeds)
        first, *others = (exchange.join(feed(number)) for number in range(20))
        for remote in (first, *others):
            clock(exchange, remote)
            exchange.hear_notes(remote, dict.fromkeys(feeds, note(3, wants=False)), 0)
        exchange.leave(first)
        rounds = 0
        while any(exchange.source_of(one) is None for one in feeds):
            exchange.tick(rounds / 10)
            rounds += 1
        assert 1 < rounds < 10


class Together(RuleBasedStateMachine):
    """Three who want everything of each other, whatever happens to their connections."""

    ids = (ALICE, BOB, CAROL)
    three = st.integers(0, 2)

    def __init__(self) -> None:
        super().__init__()
        self.society = Society(list(self.ids))
        for node in self.society.nodes:
            node.exchange.want(self.ids)

    @rule(which=three)
    def publishes(self, which):
        self.society.publish(which)

    @rule(which=three, other=three)
    def dials(self, which, other):
        self.society.link(which, other)

    @rule(which=three, other=three)
    def loses(self, which, other):
        self.society.cut(which, other)

    @rule(one=three, other=three, which=st.integers(0, 1), times=st.integers(1, 4))
    def speaks(self, one, other, which, times):
        for link in self.society.between(one, other):
            for _ in range(times):
                link.speak(which, self.society.now)

    @rule(one=three, other=three, which=st.integers(0, 1), times=st.integers(1, 4))
    def hears(self, one, other, which, times):
        for link in self.society.between(one, other):
            for _ in range(times):
                link.hear(which, self.society.now)

    @rule(seconds=st.sampled_from([0.5, 3.0, 20.0]))
    def waits(self, seconds):
        self.society.tick(seconds)

    @rule(which=three, feeds=st.sets(st.sampled_from(ids)))
    def wants_less(self, which, feeds):
        self.society.nodes[which].exchange.want({self.ids[which], *feeds})

    @invariant()
    def nobody_takes_what_they_do_not_want_nor_makes_things_up(self):
        newest = [node.has.get(node.id, 0) for node in self.society.nodes]
        for node in self.society.nodes:
            for one, sequence in node.has.items():
                assert sequence <= newest[self.ids.index(one)]

    def teardown(self):
        for node in self.society.nodes:
            node.exchange.want(self.ids)
        self.society.link(0, 1)
        self.society.link(2, 1)
        self.society.settle()
        first, *others = (node.has for node in self.society.nodes)
        assert all(has == first for has in others)
        said = self.society.settle()
        assert said == 0, "and then they are silent"


TestTogether = Together.TestCase
TestTogether.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
