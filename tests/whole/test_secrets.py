"""Nothing of a secret is in what the service wrote: logs, standard output, mails, pages, errors."""

import json
import re
import sqlite3
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

from tests.people import PASSWORD
from tests.service import Service

WRONG = "my other password, typed by mistake"


def test_a_whole_run_writes_no_secret_anywhere_it_does_not_belong(site: Service):
    alice = site.person("alice@example.org")
    bot = alice.names_a_bot("my")
    alice.waits_for("alive", bot)
    seen: list[str] = []
    browser = build_opener(HTTPCookieProcessor())

    def ask(path: str, **form: str) -> str:
        """As a browser does, which sends the form's own proof back."""
        if form:
            form["csrfmiddlewaretoken"] = re.search(r'csrfmiddlewaretoken" value="(\w+)', seen[-1])[1]
        request = Request(site.url + path, urlencode(form).encode() if form else None)
        try:
            answer = browser.open(request, timeout=60)
        except HTTPError as error:
            answer = error
        seen.append(answer.read().decode())
        return seen[-1]

    ask("/start")
    ask("/start", email="alice@example.org", password=WRONG)
    ask("/start", email="alice@example.org", password=PASSWORD)
    for path in ("/bots", "/bots/my", "/bots/my/status", "/bots/my/people", "/account", "/account/sessions"):
        ask(path)
    ask("/account/again")
    ask("/account/again", password=PASSWORD)
    ask("/account/data")
    ask("/account/tokens/new")
    made = ask("/account/tokens/new", name="backups", scopes="read", days="1")
    token = re.search(r'id="fact-token">([^<]+)', made)[1]
    seen.remove(made)
    ask("/account/tokens")
    ask("/password")
    ask("/password", email="alice@example.org")
    errors = [
        site.ask("GET", "/agents", token=token[:-1] + "x"),
        site.ask("POST", "/authentication/sign-in", {"email": "alice@example.org", "password": WRONG}),
        site.ask("POST", "/authentication/sign-in", {"email": ["alice@example.org"], "password": PASSWORD}),
        site.ask("POST", f"/agents/{bot['id']}/stop", token=token),
    ]
    assert [status for status, _ in errors] == [401, 401, 422, 403]
    seen.append(json.dumps(errors))
    alice.asks("restart", bot)
    alice.waits_for("alive", bot)

    home = site.home
    secrets = {
        "password": PASSWORD,
        "a mistyped password": WRONG,
        "the token of the API": alice.token,
        "a token of the page": token,
        "the bot's key": _private(home / "bots" / bot["id"] / "data" / "secret"),
        "the service's key": _private(home / "identity"),
        "the signing key": (home / "secret-key").read_text(),
        "the master's token": (home / "private-token").read_text(),
        **_rows(home / "butt.sqlite3"),
    }
    written = {str(path): path.read_text(errors="replace") for path in _logs(home)}
    assert "a new password" in written[str(home / "up.log")], "mails go to the console"
    assert len(written) >= 3
    written |= {f"page {number}": page for number, page in enumerate(seen)}
    leaks = [
        f"{what} in {where}" for where, text in written.items() for what, s in secrets.items() if s in text
    ]
    assert leaks == []


def _logs(home: Path) -> list[Path]:
    found = [path for path in home.rglob("*") if path.is_file() and re.search(r"\.log(\.\d+)?$", path.name)]
    return [
        path for path in found if "data" not in path.relative_to(home).parts and "releases" not in path.parts
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
