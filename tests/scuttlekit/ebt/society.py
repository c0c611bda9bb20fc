"""Programs that exchange feeds by the rules of EBT, without a network: what they send waits in queues until
it is delivered.

A message is only its number here, and can be taken if it is the next one.
"""

import base64
from collections import deque
from dataclasses import dataclass, field

from scuttlekit.ebt import Exchange, Remote

PORTION = 3


def feed(number: int) -> str:
    return f"@{base64.b64encode(bytes([number]) * 32).decode()}.ed25519"


@dataclass(eq=False)
class Node:
    id: str
    exchange: Exchange = field(default_factory=Exchange)
    has: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    repeated: int = 0

    def append(self, one: str, sequence: int, now: float) -> None:
        self.has[one] = sequence
        self.exchange.have(one, sequence, now)

    def take(self, remote: Remote, one: str, sequence: int, now: float) -> None:
        have = self.has.get(one, 0)
        if not self.exchange.wants(one):
            self.refused += 1
        elif sequence == have + 1:
            self.exchange.hear_message(remote, one, sequence, now)
            self.append(one, sequence, now)
        elif sequence <= have:
            self.repeated += 1
            self.exchange.hear_message(remote, one, sequence, now)
        else:
            self.exchange.let_down(remote, one, sequence, now)


@dataclass(eq=False)
class End:
    """One end of a link: the program, its peer, and what is on its way to it."""

    node: Node
    remote: Remote
    speaks: bool
    inbox: deque = field(default_factory=deque)


class Link:
    def __init__(self, dialler: Node, dialled: Node, *, friend: bool = False) -> None:
        self.ends = (
            End(dialler, dialler.exchange.join(dialled.id, friend=friend), speaks=False),
            End(dialled, dialled.exchange.join(dialler.id, friend=friend), speaks=True),
        )

    def speak(self, which: int, now: float) -> bool:
        """Have one end send one thing; whether it had anything to send."""
        end, other = self.ends[which], self.ends[1 - which]
        if not end.speaks:
            return False
        if notes := end.node.exchange.take_notes(end.remote, PORTION):
            other.inbox.append(notes)
            return True
        if due := end.node.exchange.take_due(end.remote):
            last = min(due.after + PORTION, end.node.has[due.feed])
            end.node.exchange.sent(end.remote, due.feed, last)
            other.inbox.extend((due.feed, number) for number in range(due.after + 1, last + 1))
            return True
        return False

    def hear(self, which: int, now: float) -> bool:
        """Have one end receive one thing; whether there was anything."""
        end = self.ends[which]
        if not end.inbox:
            return False
        thing = end.inbox.popleft()
        end.speaks = True
        if isinstance(thing, dict):
            end.node.exchange.hear_notes(end.remote, thing, now)
        else:
            end.node.take(end.remote, *thing, now)
        return True

    def cut(self) -> None:
        for end in self.ends:
            end.node.exchange.leave(end.remote)


class Society:
    def __init__(self, ids: list[str]) -> None:
        self.nodes = [Node(one) for one in ids]
        self.links: dict[tuple[int, int], Link] = {}
        self.now = 0.0

    def link(self, dialler: int, dialled: int) -> None:
        pair = (min(dialler, dialled), max(dialler, dialled))
        if dialler != dialled and pair not in self.links:
            self.links[pair] = Link(self.nodes[dialler], self.nodes[dialled])
            # The dialled side begins, with an empty clock if need be.
            self.links[pair].ends[0].inbox.append({})

    def cut(self, one: int, other: int) -> None:
        if link := self.links.pop((min(one, other), max(one, other)), None):
            link.cut()

    def between(self, one: int, other: int) -> list[Link]:
        """The link between two programs, if they have one."""
        return [link for pair, link in self.links.items() if pair == (min(one, other), max(one, other))]

    def publish(self, which: int) -> None:
        node = self.nodes[which]
        node.append(node.id, node.has.get(node.id, 0) + 1, self.now)

    def tick(self, seconds: float) -> None:
        self.now += seconds
        for node in self.nodes:
            node.exchange.tick(self.now)

    def settle(self, patience: float = 2000.0) -> int:
        """Continue until nobody has anything to send or to receive, even after a long while; how much was
        sent.
        """
        said, until = 0, self.now + patience
        while self.now < until:
            busy = True
            while busy:
                busy = False
                for link in self.links.values():
                    for which in (0, 1):
                        while link.speak(which, self.now):
                            said += 1
                            busy = True
                        while link.hear(which, self.now):
                            busy = True
                assert said < 20_000, "they never come to an end"
            self.tick(1.0 if said else 100.0)
            if self.now > until - patience / 2 and not any(
                end.inbox for link in self.links.values() for end in link.ends
            ):
                break
        return said
