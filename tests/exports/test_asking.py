"""Who may export what, in which state, and what is asked and shown on the way."""

import io
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest
from django.test import Client

from butt.accounts.models import Account
from butt.accounts.tokens import issue_token
from butt.agents.actions import create_bot
from butt.agents.models import Agent, JournalEntry, Observed, Progress
from butt.agents.states import State
from butt.configuration import configuration
from butt.exports.bundle import ExportPart
from butt.limits.table import ACCOUNT_GUESSES, PERSON_EXPORTS
from butt.public.proof import MOST_WRONG
from tests.exports.folders import KEYS, fill, folder_of, log_in
from tests.people import PASSWORD, account, bot_in
from tests.scuttlekit.logs import log_of, message

pytestmark = pytest.mark.django_db
PATH = "/bots/my/export"


@pytest.fixture(autouse=True)
def _no_bot_is_left() -> Iterator[None]:
    yield
    shutil.rmtree(configuration().home / "bots", ignore_errors=True)


@pytest.fixture
def alice() -> Account:
    return account("alice")


@pytest.fixture
def bot(alice: Account) -> Agent:
    return bot_with_data(State.ALIVE, alice)


def bot_with_data(state: State, owner: Account) -> Agent:
    bot = bot_in(state, owner.agent)
    fill(folder_of(bot))
    Progress.objects.filter(bot=bot).update(ssb_id=KEYS.id)
    return bot


def browser_of(who: Account) -> Client:
    client = Client()
    client.force_login(who)
    return client


def api(who: Account, bot: Agent, part: str) -> object:
    client = Client(headers={"Authorization": f"Bearer {issue_token(who)}"})
    return client.get(f"/agents/{bot.id}/export/{part}")


@pytest.mark.parametrize(
    "state",
    [State.ALIVE, State.STOPPED, State.BROKEN, State.UNPAID, State.LEAVING, State.STARTING, State.UPGRADING],
)
@pytest.mark.parametrize("part", ExportPart)
def test_every_part_can_be_exported_in_every_state(alice: Account, state: State, part: ExportPart):
    bot = bot_with_data(state, alice)
    answer = api(alice, bot, part)
    assert answer.status_code == 200
    assert int(answer["Content-Length"]) > 0


@pytest.mark.parametrize("part", ExportPart)
def test_anothers_bot_is_not_found(bot: Agent, part: ExportPart):
    bob = account("bob")
    assert api(bob, bot, part).status_code == 404
    assert browser_of(bob).post(PATH, {"part": part}).status_code == 404
    assert browser_of(bob).get(PATH).status_code == 404
    assert browser_of(bob).get(f"{PATH}/password").status_code == 404
    assert not JournalEntry.objects.filter(what="export").exists()


def test_a_stranger_is_asked_to_sign_in(bot: Agent):
    assert Client().get(f"/agents/{bot.id}/export/secret").status_code == 401
    assert Client().post(PATH, {"part": "log"})["Location"].startswith("/start")


def test_an_unknown_part_is_not_found(alice: Account, bot: Agent):
    assert api(alice, bot, "soul").status_code == 422
    assert browser_of(alice).post(PATH, {"part": "soul"}).status_code == 200


def test_each_export_is_in_the_journal(alice: Account, bot: Agent):
    api(alice, bot, "all")
    browser_of(alice).post(PATH, {"part": "blobs"})
    entries = JournalEntry.objects.filter(what="export").order_by("id")
    assert [(e.actor, e.detail["part"], e.detail["way"]) for e in entries] == [
        (str(alice.agent.id), "all", "api"),
        (str(alice.agent.id), "blobs", "page"),
    ]


@pytest.mark.parametrize("part", ["secret", "all"])
def test_exporting_the_secret_asks_for_the_password(alice: Account, bot: Agent, part: str):
    browser = browser_of(alice)
    assert browser.post(PATH, {"part": part})["Location"] == f"{PATH}/password"
    wrong = browser.post(f"{PATH}/password", {"password": "wrong"})
    assert wrong.status_code == 422
    assert "Wrong password" in wrong.content.decode()
    assert browser.post(PATH, {"part": part}).status_code == 302
    assert browser.post(f"{PATH}/password", {"password": PASSWORD})["Location"] == PATH
    assert browser.post(PATH, {"part": part}).status_code == 200


@pytest.mark.parametrize("part", ["gossip", "log", "blobs"])
def test_exporting_public_parts_asks_for_no_password(alice: Account, bot: Agent, part: str):
    answer = browser_of(alice).post(PATH, {"part": part})
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment")


def test_the_password_is_asked_for_again_after_some_minutes(alice: Account, bot: Agent):
    browser = browser_of(alice)
    browser.post(f"{PATH}/password", {"password": PASSWORD})
    session = browser.session
    session["proved_at"] -= 301
    session.save()
    assert browser.post(PATH, {"part": "secret"}).status_code == 302


def test_guessing_the_password_signs_out(alice: Account, bot: Agent):
    browser = browser_of(alice)
    for _ in range(MOST_WRONG - 1):
        assert browser.post(f"{PATH}/password", {"password": "guess"}).status_code == 422
    assert browser.post(f"{PATH}/password", {"password": "guess"})["Location"] == "/start"
    assert browser.post(f"{PATH}/password", {"password": PASSWORD}).status_code == 302
    assert browser.post(PATH, {"part": "secret"})["Location"].startswith("/start")


def test_guessing_that_password_is_limited_over_all_sessions(alice: Account, bot: Agent):
    for _ in range(ACCOUNT_GUESSES.default):
        assert browser_of(alice).post(f"{PATH}/password", {"password": "guess"}).status_code == 422
    browser = browser_of(alice)
    assert browser.post(f"{PATH}/password", {"password": PASSWORD}).status_code == 429
    assert browser.post(PATH, {"part": "secret"})["Location"] == f"{PATH}/password"


def test_pages_warn_against_running_it_twice(alice: Account, bot: Agent):
    for path in (PATH, f"{PATH}/password"):
        assert "fork" in browser_of(alice).get(path).content.decode()


def test_the_page_shows_sizes_beforehand(alice: Account, bot: Agent):
    shown = browser_of(alice).get(PATH).content.decode()
    assert f"{folder_of(bot).secret.stat().st_size} B" in shown
    assert "3 files" in shown


def test_a_bot_that_never_ran_has_nothing_yet(alice: Account):
    bot = create_bot(alice.agent, "my")
    answer = api(alice, bot, "secret")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "nothing_yet")
    assert "none yet" in browser_of(alice).get(PATH).content.decode()


def test_blobs_of_a_bot_that_has_none_are_an_empty_tar(alice: Account, bot: Agent):
    shutil.rmtree(folder_of(bot).data / "blobs")
    answer = api(alice, bot, "blobs")
    assert answer.status_code == 200
    with tarfile.open(fileobj=io.BytesIO(b"".join(answer))) as archive:
        assert archive.getnames() == []
    assert api(alice, bot, "all").status_code == 200


@pytest.mark.parametrize("part", ["log", "all"])
def test_a_damaged_log_says_what_can_be_exported(alice: Account, bot: Agent, part: str):
    log = log_in(folder_of(bot))
    log.write_bytes(b"!!!!" + log.read_bytes()[4:])
    answer = api(alice, bot, part)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "log_damaged")
    assert "after message 0" in answer.json()["error"]["message"]
    browser = browser_of(alice)
    browser.post(f"{PATH}/password", {"password": PASSWORD})
    assert (
        "The secret, gossip and blobs can" in browser.post(PATH, {"part": part}, follow=True).content.decode()
    )
    for other in ("secret", "gossip", "blobs"):
        assert api(alice, bot, other).status_code == 200


@pytest.mark.parametrize("kept", [0, 1])
def test_a_log_that_is_behind_is_not_exported(alice: Account, bot: Agent, kept: int):
    """A pub that is started on it would fork the feed."""
    Observed.objects.filter(bot=bot).update(sequence=2)
    assert api(alice, bot, "all").status_code == 200
    log_in(folder_of(bot)).write_bytes(log_of([message(KEYS.id, 1)] * kept))
    answer = api(alice, bot, "all")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "log_behind")
    assert "reached 2" in answer.json()["error"]["message"]


@pytest.mark.parametrize("text", ["", "nonsense"])
def test_a_damaged_secret_does_not_prevent_exporting_the_rest(alice: Account, bot: Agent, text: str):
    Observed.objects.filter(bot=bot).update(sequence=2)
    folder_of(bot).secret.unlink()
    if text:
        folder_of(bot).secret.write_text(text)
    answer = api(alice, bot, "all")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "secret_damaged")
    for part in ("gossip", "log", "blobs"):
        assert api(alice, bot, part).status_code == 200
    assert api(alice, bot, "secret").status_code == (200 if text else 409)


def test_a_link_in_the_folder_does_not_lead_out_of_it(alice: Account, bot: Agent, tmp_path: Path):
    (tmp_path / "password").write_text("swordfish")
    folder_of(bot).secret.unlink()
    folder_of(bot).secret.symlink_to(tmp_path / "password")
    answer = api(alice, bot, "secret")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unreadable")


def test_an_export_comes_encrypted(alice: Account, bot: Agent):
    identity = pyrage.x25519.Identity.generate()
    client = Client(
        headers={"Authorization": f"Bearer {issue_token(alice)}", "Encrypt-To": f"{identity.to_public()}"}
    )
    answer = client.get(f"/agents/{bot.id}/export/secret")
    assert answer["Content-Disposition"] == 'attachment; filename="secret.age"'
    sealed = b"".join(answer)
    assert len(sealed) == int(answer["Content-Length"])
    assert pyrage.decrypt(sealed, [identity]) == folder_of(bot).secret.read_bytes()
    entry = JournalEntry.objects.get(what="export")
    assert entry.detail["encrypted"] is True
    assert "age1" not in str(entry.detail)


def test_a_passphrase_that_is_too_short_says_so(alice: Account, bot: Agent):
    client = Client(headers={"Authorization": f"Bearer {issue_token(alice)}", "Encrypt-To": "short"})
    answer = client.get(f"/agents/{bot.id}/export/log")
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "encrypt")


def test_a_refused_passphrase_is_marked_at_its_field_and_not_shown_again(alice: Account, bot: Agent):
    for typed, why in (("swordfish", "12 characters"), ("AGE-SECRET-KEY-1SWORDFISH", "secret half")):
        refused = browser_of(alice).post(PATH, {"part": "log", "encrypt": typed})
        shown = refused.content.decode()
        assert refused.status_code == 422
        assert re.search(f'id="encrypt-error" role="alert">[^<]*{why}[^<]*enter it again', shown)
        assert 'aria-invalid="true"' in shown
        assert "swordfish" not in shown.lower()
        assert "3 files" in shown


def test_a_mistyped_age_key_is_still_in_its_field(alice: Account, bot: Agent):
    mistyped = f"{pyrage.x25519.Identity.generate().to_public()}"[:-1]
    refused = browser_of(alice).post(PATH, {"part": "log", "encrypt": mistyped})
    shown = refused.content.decode()
    assert refused.status_code == 422
    assert f'value="{mistyped}"' in shown
    assert 'id="encrypt-error"' in shown
    assert "enter it again" not in shown


NOT_YET = "It is not encrypted yet. Enter the key or passphrase again."


@pytest.mark.parametrize("part", ["secret", "all"])
def test_a_passphrase_lost_on_the_password_page_is_asked_for_again(alice: Account, bot: Agent, part: str):
    browser = browser_of(alice)
    assert f'name="part" value="{part}"' in browser.get(PATH).content.decode(), "a link would leave it behind"
    asked = browser.post(PATH, {"part": part, "encrypt": "correct horse battery"})["Location"]
    assert asked.startswith(f"{PATH}/password?")
    assert "horse" not in asked
    assert browser.post(asked, {"password": "wrong"}).status_code == 422
    back = browser.post(asked, {"password": PASSWORD}, follow=True)
    assert back.redirect_chain == [(PATH, 302)]
    assert NOT_YET in back.content.decode()
    assert "horse" not in back.content.decode() + str(dict(browser.session))
    assert NOT_YET not in browser.get(PATH).content.decode()


def test_without_a_passphrase_none_is_asked_for_again(alice: Account, bot: Agent):
    browser = browser_of(alice)
    asked = browser.post(PATH, {"part": "all", "encrypt": " "})["Location"]
    assert NOT_YET not in browser.post(asked, {"password": PASSWORD}, follow=True).content.decode()


def test_a_passphrase_is_asked_for_again_after_any_interruption(alice: Account, bot: Agent):
    log = log_in(folder_of(bot))
    log.write_bytes(b"!!!!" + log.read_bytes()[4:])
    back = browser_of(alice).post(PATH, {"part": "log", "encrypt": "correct horse battery"}, follow=True)
    assert "The log is damaged" in back.content.decode()
    assert NOT_YET in back.content.decode()


def test_the_number_of_exports_at_once_is_limited(alice: Account, bot: Agent):
    under_way = [api(alice, bot, "log") for _ in range(PERSON_EXPORTS.default)]
    answer = api(alice, bot, "log")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many_exports")
    under_way.pop().close()
    assert api(alice, bot, "log").status_code == 200
