"""A crowd of strangers: none of them has an account, and each comes from another address."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from attack.attacker import Attacker
from tests.attacks.lines import heard
from tests.visitor import FORM

MANY, AT_ONCE = 2500, 40
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


def silent(attacker: Attacker) -> None:
    """Thousands of connections that send nothing, half a header, or a body byte by byte."""
    post = f"POST /start HTTP/1.1\r\nHost: {attacker.public.host}\r\nContent-Length: 1000\r\n\r\nx".encode()
    with attacker.lines(MANY, attacker.random.choice((b"", HEAD, post))) as opened:
        attacker.counts(f"{len(opened) // 500 * 500} connections")
        attacker.waits(attacker.random.uniform(1, 12))


def huge_heads(attacker: Attacker) -> None:
    with attacker.lines(1, HEAD + b"X: ") as opened:
        for one in opened:
            for _ in range(100):
                one.sendall(b"x" * (1 << 20))
    attacker.counts("100 MiB taken")


def pipelined(attacker: Attacker) -> None:
    asked = f"GET /up HTTP/1.1\r\nHost: {attacker.public.host}\r\n\r\n".encode() * 10_000
    with attacker.lines(1, asked) as opened:
        for one in opened:
            attacker.counts(f"{heard(one, 2).count(b'HTTP/1.1 200')} answers")


def takes_nothing(attacker: Attacker) -> None:
    asked = f"GET /openapi.json HTTP/1.1\r\nHost: {attacker.public.host}\r\n\r\n".encode() * 20
    with attacker.lines(50, asked) as opened:
        attacker.counts(f"{len(opened)} connections")
        attacker.waits(5)


def signs_in_as_nobody(attacker: Attacker) -> None:
    """Forty uploads at once; each would take 46 MiB."""

    def one(number: int) -> None:
        with attacker.visitor() as visitor, suppress(OSError):
            who = {"email": f"nobody{number}@example.org", "password": "x" * 20}
            attacker.counts(str(visitor.asks("POST", "/authentication/sign-in", who).status))

    with ThreadPoolExecutor(AT_ONCE, "signs_in_as_nobody") as pool:
        list(pool.map(one, range(AT_ONCE)))


def guesses_a_password(attacker: Attacker) -> None:
    with attacker.visitor() as visitor:
        who = {"email": attacker.world.victim_email, "password": f"{attacker.random.random()}"}
        answer = visitor.asks("POST", "/authentication/sign-in", who)
        attacker.counts(str(answer.status))


def sends_letters(attacker: Attacker) -> None:
    with attacker.visitor() as visitor:
        attacker.counts(str(visitor.sends("/password", email=attacker.world.victim_email).status))


def registers(attacker: Attacker) -> None:
    with attacker.visitor() as visitor:
        email = f"crowd{attacker.random.getrandbits(64):x}@example.org"
        body = {"email": email, "password": "correct horse battery"}
        attacker.counts(str(visitor.asks("POST", "/authentication/register", body).status))


def guesses_invites(attacker: Attacker) -> None:
    with attacker.visitor() as visitor:
        for _ in range(20):
            path = f"/join/{attacker.random.getrandbits(100):x}"
            attacker.counts(str(visitor.asks("GET", path, Accept="text/html").status))


def strange_words(attacker: Attacker) -> None:
    """Bodies and paths that are invalid."""
    chance = attacker.random
    with attacker.visitor() as visitor:
        body = chance.choice(("[" * 100_000, '{"email": "\\ud800"}', "\0", "{}", "x" * (2 << 20)))
        path = chance.choice(("/authentication/sign-in", "/authentication/register", "/stripe/webhook"))
        attacker.counts(str(visitor.asks("POST", path, body, "application/json").status))
        path = chance.choice(("/start", "/password", "/start/code", "/bots/new", "/start/passkey"))
        form = chance.choice(("email=%ED%A0%80", "a=" * 50_000, "email=\0&password=\0"))
        attacker.counts(str(visitor.asks("POST", path, form, FORM).status))
        path = chance.choice(("/%ff", "/bots/%00", f"/{'x' * 9000}", "/static/../../etc/passwd", "/live"))
        attacker.counts(str(visitor.asks("GET", path).status))


def reads_what_is_others(attacker: Attacker) -> None:
    with attacker.visitor() as visitor:
        for victim in attacker.world.victims:
            for path in (f"/agents/{victim}", f"/bots/{victim}", f"/agents/{victim}/export/all"):
                attacker.counts(str(visitor.asks("GET", path).status))


def brings_as_nobody(attacker: Attacker) -> None:
    head = f"POST /agents/import?name=x&stopped=for-good HTTP/1.1\r\nHost: {attacker.public.host}\r\n"
    with attacker.lines(30, f"{head}Content-Length: 1000000\r\n\r\nx".encode()) as opened:
        attacker.counts(f"{len(opened)} imports")
        attacker.waits(2)


TRICKS = [
    silent,
    huge_heads,
    pipelined,
    takes_nothing,
    signs_in_as_nobody,
    guesses_a_password,
    sends_letters,
    registers,
    guesses_invites,
    strange_words,
    reads_what_is_others,
    brings_as_nobody,
]
