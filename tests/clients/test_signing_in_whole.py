"""At a whole service, a person adds their app's SSB id to their account, and signs in with the app from then
on.
"""

import html
import re
import sqlite3
from contextlib import closing

from tests.clients.apps import App
from tests.clients.conftest import MakeApp
from tests.clients.test_table import Bot
from tests.pub.pubs import until
from tests.service import Service
from tests.visitor import PASSWORD, Visitor

ALICE = "alice@example.org"


def link_in(visitor: Visitor) -> str:
    page = visitor.asks("GET", "/login/app").text
    found = re.search(r'id="confirm" href="([^"]+)"', page)
    assert found, page
    return html.unescape(found[1])


def begins(visitor: Visitor) -> str:
    answer = visitor.sends("/login", bot="harbour")
    assert answer.heads["Location"] == "/login/app", (answer.status, answer.text)
    return link_in(visitor)


def is_in(visitor: Visitor) -> bool:
    return visitor.asks("GET", "/account").status == 200


def adds_an_id(visitor: Visitor, app: App, bot: Bot) -> None:
    assert visitor.signs_in(ALICE) == 302
    visitor.sends("/account/again", password=PASSWORD)
    assert visitor.sends("/account/ssb/new", bot=bot.agent["name"]).status == 302
    assert app("signsInBy", link_in(visitor)) is True
    assert visitor.sends("/login/app").heads["Location"] == "/account/ssb"
    assert app.id in visitor.asks("GET", "/account/ssb").text


def test_signing_in_and_out_with_an_app_from_either_side(site: Service, make_app: MakeApp):
    alice = site.person(ALICE)
    bot = Bot(alice, "harbour", "main")
    bot.is_alive()
    with closing(sqlite3.connect(site.home / "butt.sqlite3", timeout=20)) as database, database:
        database.execute("UPDATE account_emailaddress SET verified = 1")
    app, other = (make_app("manyverse", name, network=bot.network) for name in ("alice", "mallory"))
    app("connect", bot.agent["address"], bot.agent["ssbId"])
    with Visitor(site.door) as settled, Visitor(site.door) as shown, Visitor(site.door) as opened:
        adds_an_id(settled, app, bot)

        # The page shows a link to the app.
        link = begins(shown)
        with Visitor(site.door) as mallorys:
            mallorys_link = begins(mallorys)
            assert other("signsInBy", mallorys_link) is True
            assert mallorys.sends("/login/app").status == 403
            assert app("signsInBy", mallorys_link) is False, "somebody solved it before"
        assert app("signsInBy", link) is True
        assert "data: solved" in shown.asks("GET", "/login/live").text
        assert shown.sends("/login/app").heads["Location"] == "/bots"
        assert is_in(shown)

        # The app opens the page.
        path = app("signInUrl", bot.agent["ssbId"]).partition("https://127.0.0.1")[2]
        page = opened.asks("GET", path).text
        given = {
            name: html.unescape(value) for name, value in re.findall(r'name="(c\w+)" value="([^"]+)"', page)
        }
        form = {"ssb-http-auth": "1", "cid": given["cid"], "cc": given["cc"]}
        with Visitor(site.door) as mallorys:
            wrong = {**form, "cid": other.id}
            assert mallorys.sends("/login", shown=path, **wrong).status == 403
        assert opened.sends("/login", shown=path, **form).heads["Location"] == "/bots"
        assert is_in(opened)

        assert app("signsOut", bot.agent["ssbId"]) is True
        until(lambda: not is_in(shown) and not is_in(opened))
        assert is_in(settled), "that session was opened by a password"
