"""A machine with bad intentions and a token of its own."""

import json

from attack.attacker import Attacker
from butt.machines.reports import MOST_BYTES
from tests.attacks.lines import heard
from tests.attacks.machine import token_of
from tests.machines.machines import report
from tests.visitor import Visitor

ME, OTHER = "m1", "m2"


def _me(attacker: Attacker) -> Visitor:
    me = Visitor(attacker.private, "127.0.3.1", attacker.hears, 10)
    me.token = token_of(ME)
    return me


def _head(attacker: Attacker, method: str, path: str, length: int) -> bytes:
    host, token = attacker.private.host, token_of(ME)
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
    return f"{head}Content-Length: {length}\r\n\r\n".encode()


def dribbles_reports(attacker: Attacker) -> None:
    said = _head(attacker, "POST", f"/agents/{ME}/report", MOST_BYTES) + b"x"
    with attacker.lines(100, said, attacker.private, "127.0.3.1") as opened:
        attacker.counts(f"{len(opened)} reports")
        attacker.waits(3)


def dribbles_exports(attacker: Attacker) -> None:
    for path in attacker.world.uploads:
        said = _head(attacker, "PUT", path, 1 << 29) + bytes(1 << 16)
        with attacker.lines(10, said, attacker.private, "127.0.3.1") as opened:
            for one in opened[-3:]:
                attacker.counts(heard(one, 0.3)[9:12].decode())


def reports_without_pause(attacker: Attacker) -> None:
    with _me(attacker) as me:
        for generation in range(100):
            said = report(generation % 2)
            attacker.counts(str(me.asks("POST", f"/agents/{ME}/report", said).status))


def reports_what_makes_no_sense(attacker: Attacker) -> None:
    chance = attacker.random
    odd = chance.choice((None, -1, 2**63, 1e308, "x" * 100_000, [[]] * 1000, {"a" * 5000: {}}, "\ud800"))
    said = report() | {chance.choice(("schema", "complete", "generation", "bots", "facts", "strangers")): odd}
    if chance.random() < 0.3:
        said["bots"] = {"00000000-0000-0000-0000-000000000000": odd}
    body = chance.choice((json.dumps(said), "[" * 100_000, "{" * 10, "\0", "x" * (MOST_BYTES + 1)))
    with _me(attacker) as me:
        attacker.counts(str(me.asks("POST", f"/agents/{ME}/report", body, "application/json").status))


def reads_what_is_others(attacker: Attacker) -> None:
    with _me(attacker) as me:
        paths = [f"/agents/{OTHER}", f"/agents/{OTHER}/report", "/agents", "/metrics", f"/agents/{ME}"]
        paths += [f"/agents/{OTHER}/cargo/{victim}" for victim in attacker.world.victims]
        paths += [f"/agents/{ME}/cargo/{victim}" for victim in attacker.world.victims]
        for path in paths:
            answer = me.asks("GET", path)
            attacker.counts(str(answer.status))
            if answer.status == 200 and path != f"/agents/{ME}":
                attacker.found(f"a machine was let read {path}")
        answer = me.asks("POST", f"/agents/{OTHER}/report", report())
        attacker.counts(str(answer.status))
        if answer.status < 400:
            attacker.found("a machine reported for another one")


def has_no_token(attacker: Attacker) -> None:
    said = f"POST /agents/{ME}/report HTTP/1.1\r\nHost: {attacker.private.host}\r\nContent-Length: 4000000\r\n\r\nx"
    with attacker.lines(100, said.encode(), attacker.private, "127.0.3.2") as opened:
        for one in opened[-5:]:
            attacker.counts(heard(one, 0.3)[9:12].decode())


TRICKS = [
    dribbles_reports,
    dribbles_exports,
    reports_without_pause,
    reports_what_makes_no_sense,
    reads_what_is_others,
    has_no_token,
]
