"""No secret is in what the service wrote: logs, standard output, mails, pages, errors."""

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from butt.billing.gateway import PRETENDED_KEYS
from tests.accounts.test_factors import code_of
from tests.billing.stripes import GOOD as CARD
from tests.billing.stripes import StandIn
from tests.people import PASSWORD
from tests.service import Service, wait_for

WRONG = "my other password, typed by mistake"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, built_pub: Path) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("home"), built_pub, from_nothing=True, billing="stripe") as service:
        yield service


class Browser:
    """Remembers each page that it was shown, except pages that exist to show a secret."""

    def __init__(self, site: Service) -> None:
        self.site, self.opener = site, build_opener(HTTPCookieProcessor())
        self.seen: list[str] = []
        self.page = ""

    def ask(self, path: str, *, shows_a_secret: bool = False, **form: str) -> str:
        """Like a browser, which sends the form's own token back."""
        if form:
            form["csrfmiddlewaretoken"] = found(r'csrfmiddlewaretoken" value="(\w+)', self.page)
        request = Request(self.site.url + path, urlencode(form).encode() if form else None)
        try:
            answer = self.opener.open(request, timeout=60)
        except HTTPError as error:
            answer = error
        self.page = answer.read().decode()
        if not shows_a_secret:
            self.seen.append(self.page)
        return self.page


def found(pattern: str, text: str) -> str:
    there = re.search(pattern, text)
    assert there, (pattern, text)
    return there[1]


def test_a_whole_run_writes_no_secret_anywhere_it_does_not_belong(site: Service):
    alice = site.person("alice@example.org")
    browser = Browser(site)
    ask = browser.ask

    ask("/start")
    ask("/start", email="alice@example.org", password=WRONG)
    ask("/start", email="alice@example.org", password=PASSWORD, next="/account")

    money = StandIn(f"http://127.0.0.1:{site.stand_in_port}")
    setup_secret = found('data-secret="([^"]+)', ask("/newbie", shows_a_secret=True))
    setup = money.confirm(CARD, setup_secret)
    ask("/newbie", name="Alice", bot="my", setup=setup)
    _, bot = alice.call("GET", "/agents")["agents"]
    alice.waits_for("alive", bot)
    wait_for(lambda: money.all("subscriptions"))

    for path in ("/bots", "/bots/my", "/bots/my/status", "/bots/my/people", "/account", "/account/sessions"):
        ask(path)
    for path in ("/billing", "/billing/invoices/" + money.all("invoices")[0]["id"]):
        ask(path)
    ask("/account/again")
    ask("/account/again", password=PASSWORD)
    ask("/account/data")
    ask("/account/tokens/new")
    made = ask("/account/tokens/new", shows_a_secret=True, name="backups", scopes="read", days="1")
    token = found(r'id="fact-token">([^<]+)', made)
    ask("/account/tokens")

    link = found(r"http://[^/\s]+(/account/email/\S+)", (site.home / "up.log").read_text())
    ask(link)
    ask(link, action="confirm")
    app = found(r"or type: <code>(\w+)", ask("/account/factors/app", shows_a_secret=True))
    shown = ask("/account/factors/app", shows_a_secret=True, code=code_of(app))
    recovery = re.findall(r"<code>(\d{8})</code>", shown)
    assert len(recovery) == 10
    ask("/account/factors")
    ask("/account/factors/codes")
    ask("/password")
    ask("/password", email="alice@example.org")
    errors = [
        site.ask("GET", "/agents", token=token[:-1] + "x"),
        site.ask("POST", "/authentication/sign-in", {"email": "alice@example.org", "password": WRONG}),
        site.ask("POST", "/authentication/sign-in", {"email": ["alice@example.org"], "password": PASSWORD}),
        site.ask("POST", f"/agents/{bot['id']}/stop", token=token),
    ]
    assert [status for status, _ in errors] == [401, 401, 422, 403]
    browser.seen.append(json.dumps(errors))
    alice.asks("restart", bot)
    alice.waits_for("alive", bot)

    home = site.home
    secrets = {
        "password": PASSWORD,
        "a mistyped password": WRONG,
        "the token of the API": alice.token,
        "a token of the page": token,
        "the card": CARD,
        "what a card is entered with": setup_secret,
        "Stripe's key": PRETENDED_KEYS[0],
        "the secret of webhooks": (home / "webhook-secret").read_text(),
        "the secret of the authenticator app": app,
        **{f"recovery code {number}": code for number, code in enumerate(recovery)},
        "the bot's key": _private(home / "bots" / bot["id"] / "data" / "secret"),
        "the service's key": _private(home / "identity"),
        "the signing key": (home / "secret-key").read_text(),
        "the master's token": (home / "private-token").read_text(),
        **_rows(home / "butt.sqlite3"),
    }
    written = {str(path): path.read_text(errors="replace") for path in _logs(home)}
    assert "a new password" in written[str(home / "up.log")], "mails go to the console"
    assert len(written) >= 3
    written |= {f"page {number}": page for number, page in enumerate(browser.seen)}
    leaks = [
        f"{what} in {where}"
        for where, text in written.items()
        for what, secret in secrets.items()
        if re.search(standing_alone(secret), text)
    ]
    assert leaks == []

    rows = b"".join(path.read_bytes() for path in home.glob("butt.sqlite3*"))
    assert alice.id.replace("-", "").encode() in rows
    readable = (PASSWORD, WRONG, alice.token, token, CARD, setup_secret, app, *recovery)
    assert [secret for secret in readable if re.search(standing_alone(secret).encode(), rows)] == [], (
        "the database keeps hashes, or nothing"
    )


def standing_alone(secret: str) -> str:
    """A recovery code is eight digits, which any id or time may contain."""
    return rf"(?<![0-9a-f]){secret}(?![0-9a-f])" if secret.isdigit() else re.escape(secret)


def _logs(home: Path) -> list[Path]:
    logs = [path for path in home.rglob("*") if path.is_file() and re.search(r"\.log(\.\d+)?$", path.name)]
    return [
        path for path in logs if "data" not in path.relative_to(home).parts and "releases" not in path.parts
    ]


def _private(path: Path) -> str:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    private: str = json.loads("\n".join(lines))["private"]
    return private.removesuffix(".ed25519")


def _rows(path: Path) -> dict[str, str]:
    """What the database keeps of passwords, tokens and sessions."""
    asked = {
        "a password's hash": "SELECT password FROM accounts_account",
        "a token's hash": "SELECT digest FROM accounts_accesstoken",
        "a session's key": "SELECT session_key FROM django_session",
    }
    database = sqlite3.connect(path, timeout=20)
    kept = {
        f"{what} {n}": row[0] for what, sql in asked.items() for n, row in enumerate(database.execute(sql))
    }
    database.close()
    return kept
