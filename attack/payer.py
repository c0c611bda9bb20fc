"""A person with bad intentions who has an account, a bot and a card."""

import json

from attack.attacker import Attacker
from tests.attacks.lines import heard
from tests.imports.tars import tar_of
from tests.visitor import FORM, PASSWORD, Visitor

AT_ONCE = 40
EXPORTS = ("secret", "gossip", "log", "blobs", "all")


def _mine(attacker: Attacker, *, browser: bool = False) -> Visitor:
    """Signed in; each trick comes from an address of its own."""
    visitor = attacker.visitor("127.0.2.1")
    who = {"email": attacker.world.email, "password": PASSWORD}
    if browser:
        visitor.signs_in(attacker.world.email)
    else:
        answer = visitor.asks("POST", "/authentication/sign-in", who)
        visitor.token = answer.json["accessToken"]
    return visitor


def exports_without_end(attacker: Attacker) -> None:
    with _mine(attacker) as me:
        path = f"/agents/{attacker.world.bot_id}/export/{attacker.random.choice(EXPORTS)}"
        head = (
            f"GET {path} HTTP/1.1\r\nHost: {attacker.public.host}\r\nAuthorization: Bearer {me.token}\r\n\r\n"
        )
        with attacker.lines(AT_ONCE, head.encode(), source="127.0.2.1") as opened:
            for one in opened:
                attacker.counts(heard(one, 0.1)[9:12].decode())


def opens_pages_without_end(attacker: Attacker) -> None:
    with _mine(attacker, browser=True) as me:
        cookie = f"Cookie: butt={me.cookies.get('butt', '')}"
        head = f"GET /live HTTP/1.1\r\nHost: {attacker.public.host}\r\n{cookie}\r\n\r\n"
        with attacker.lines(200, head.encode(), source="127.0.2.1") as opened:
            for one in opened[-5:]:
                attacker.counts(heard(one, 0.1)[9:12].decode())


def dribbles_a_pub(attacker: Attacker) -> None:
    with _mine(attacker) as me:
        head = (
            f"POST /agents/import?name=dribble&stopped=for-good HTTP/1.1\r\nHost: {attacker.public.host}\r\n"
        )
        head += f"Authorization: Bearer {me.token}\r\nContent-Length: 100000000\r\n\r\n"
        with attacker.lines(AT_ONCE, head.encode() + bytes(600), source="127.0.2.1") as opened:
            for one in opened[-5:]:
                attacker.counts(heard(one, 0.1)[9:12].decode())


def brings_what_is_no_pub(attacker: Attacker) -> None:
    """Names that lead out of the folder, too many files, false headers, and zeros."""
    chance = attacker.random
    with _mine(attacker) as me:
        size = chance.choice((0, 1, 1000))
        odd = chance.choice(("../../secret", "/etc/passwd", "secret", "x" * 300, "flume/log.offset", "."))
        tar = tar_of([(odd, bytes(size)), *((f"blobs/{n}", b"x") for n in range(size))])
        path = f"/agents/import?name=odd{chance.getrandbits(40):x}&stopped=for-good"
        body = chance.choice((tar, tar[:700], bytes(1 << 20), chance.randbytes(10_000), b""))
        attacker.counts(str(me.asks("POST", path, body, "application/x-tar").status))


def reads_what_is_others(attacker: Attacker) -> None:
    with _mine(attacker) as me, _mine(attacker, browser=True) as browser:
        for victim in attacker.world.victims:
            for end in ("", "/invites", "/samples?range=1h", *(f"/export/{part}" for part in EXPORTS)):
                attacker.counts(str(me.asks("GET", f"/agents/{victim}{end}").status))
            for verb in ("stop", "restart", "upgrade", "restore"):
                attacker.counts(str(me.asks("POST", f"/agents/{victim}/{verb}").status))
            attacker.counts(str(me.asks("DELETE", f"/agents/{victim}").status))
            for end in ("", "/status", "/log", "/log/lines", "/invites", "/people", "/export"):
                attacker.counts(str(browser.asks("GET", f"/bots/{victim}{end}", Accept="text/html").status))


def invites_without_end(attacker: Attacker) -> None:
    with _mine(attacker) as me:
        for _ in range(50):
            body = {"name": "x" * 80, "uses": 1000}
            attacker.counts(str(me.asks("POST", f"/agents/{attacker.world.bot_id}/invites", body).status))


def makes_bots_without_end(attacker: Attacker) -> None:
    with _mine(attacker) as me:
        for _ in range(20):
            body = {"type": "bot", "name": f"evil{attacker.random.getrandbits(40):x}", "service": "pub"}
            attacker.counts(str(me.asks("POST", "/agents", body).status))


def pays_with_nothing(attacker: Attacker) -> None:
    """Claims to have paid, in Stripe's name."""
    with _mine(attacker, browser=True) as me, attacker.visitor() as stripe:
        event = {"type": "invoice.paid", "data": {"object": {"customer": "cus_1", "status": "paid"}}}
        signed = {"Stripe-Signature": "t=1,v1=00"}
        attacker.counts(
            str(
                stripe.asks("POST", "/stripe/webhook", json.dumps(event), "application/json", **signed).status
            )
        )
        for path in ("/billing", "/billing/card", "/billing/invoices/in_1", "/bots/new"):
            attacker.counts(str(me.asks("GET", path, Accept="text/html").status))
        for path in ("/billing/card", "/billing/pay", "/billing/resume", "/bots/new"):
            form = {"setup": "seti_1", "setup_intent": "seti_1_secret", "bot": "evil"}
            attacker.counts(str(me.sends(path, "/account", **form).status))


def sends_mail_without_end(attacker: Attacker) -> None:
    with _mine(attacker, browser=True) as me:
        for _ in range(20):
            form = {"email": attacker.world.victim_email}
            attacker.counts(str(me.sends("/bots/evil/people", **form).status))
            attacker.counts(str(me.sends("/account/email", **form, action_add="1").status))


def asks_as_often_as_it_can(attacker: Attacker) -> None:
    with _mine(attacker) as me:
        for _ in range(200):
            attacker.counts(str(me.asks("GET", f"/agents/{attacker.world.bot_id}/samples?range=30d").status))


def renames_itself(attacker: Attacker) -> None:
    words = attacker.random.choice(("<script>alert(1)</script>", "x" * 100_000, "\u202e", "{{ 7*7 }}"))
    with _mine(attacker, browser=True) as me:
        attacker.counts(str(me.sends("/account", name=words).status))
        attacker.counts(str(me.asks("POST", "/account", f"name={words}", FORM).status))


TRICKS = [
    exports_without_end,
    opens_pages_without_end,
    dribbles_a_pub,
    brings_what_is_no_pub,
    reads_what_is_others,
    invites_without_end,
    makes_bots_without_end,
    pays_with_nothing,
    sends_mail_without_end,
    asks_as_often_as_it_can,
    renames_itself,
]
