"""What is asked, and the settings that follow from the answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butt.command.install import _answers
from butt.configuration import Configuration
from butt.installing import InstallError
from butt.installing.plan import read, settings_of, written

ANSWERS = {
    "BUTT_DOMAIN": "example.org",
    "BUTT_EMAIL_URL": "smtp://u:p%23w@mail.example.org:587",
    "BUTT_BILLING": "free",
}
NOTHING = {"BUTT_DOMAIN": None, "BUTT_EMAIL_URL": None, "BUTT_BILLING": None}


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch):
    for name in ANSWERS:
        monkeypatch.delenv(name, raising=False)


def test_without_a_terminal_what_is_missing_is_told_before_anything_is_done():
    with pytest.raises(
        InstallError, match=r"Give --mail \(or BUTT_EMAIL_URL\), --billing .* Nothing was done\."
    ):
        _answers({}, {**NOTHING, "BUTT_DOMAIN": "example.org"})
    with pytest.raises(
        InstallError, match="BUTT_STRIPE_SECRET_KEY, BUTT_STRIPE_PUBLISHABLE_KEY, BUTT_STRIPE_WEBHOOK"
    ):
        _answers({}, {**ANSWERS, "BUTT_EMAIL_URL": "smtp://localhost", "BUTT_BILLING": "stripe"})


def test_a_password_is_not_taken_from_the_arguments(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(InstallError, match="BUTT_EMAIL_URL instead of --mail"):
        _answers({}, ANSWERS)
    monkeypatch.setenv("BUTT_EMAIL_URL", ANSWERS["BUTT_EMAIL_URL"])
    assert _answers({}, {**ANSWERS, "BUTT_EMAIL_URL": None})["BUTT_EMAIL_URL"] == ANSWERS["BUTT_EMAIL_URL"]


def test_what_is_in_the_file_is_not_asked_again():
    assert _answers(ANSWERS, NOTHING) == {}


def test_the_settings_are_those_of_a_service_with_machines_of_its_own():
    made = settings_of({}, ANSWERS)
    taken = Configuration(**{name.removeprefix("BUTT_").lower(): value for name, value in made.items()})
    assert (taken.host, taken.salt, taken.salt_master) == ("salt", "master", "example.org")
    assert (taken.public_url, taken.private_server) == ("https://example.org", "https://private.example.org")
    assert taken.database == "postgres:///butt"


def test_another_domain_changes_what_follows_from_it_and_nothing_that_was_written_by_hand():
    kept = {**settings_of({}, ANSWERS), "BUTT_SALT_MASTER": "salt.example.org", "BUTT_SITE_NAME": "Ours"}
    made = settings_of(kept, {"BUTT_DOMAIN": "example.com"})
    assert made == {
        **kept,
        "BUTT_DOMAIN": "example.com",
        "BUTT_URL": "https://example.com",
        "BUTT_PRIVATE_URL": "https://private.example.com",
    }


@pytest.mark.parametrize(
    "domain",
    ["", "example", "https://example.org", "Example.org", "a b.org", "a..org", "-a.org", "a.org\nX=1"],
)
def test_what_is_no_domain_is_refused(domain: str):
    with pytest.raises(InstallError, match="is not a domain"):
        settings_of({"BUTT_DOMAIN": domain}, {**ANSWERS, "BUTT_DOMAIN": domain})


@pytest.mark.parametrize("sign", ["\n", " ", '"', "'", "\\", "$", "#", "é"])
def test_a_sign_that_means_something_in_the_file_is_refused(sign: str):
    with pytest.raises(InstallError, match="BUTT_EMAIL_URL contains a character"):
        settings_of({}, {**ANSWERS, "BUTT_EMAIL_URL": f"smtp://u:p{sign}w@mail.example.org"})


NAMES = st.sampled_from(["BUTT_DOMAIN", "BUTT_URL", "BUTT_SITE_NAME", "AWS_REGION"])
VALUES = st.text("abc%:/@.-_~!=", min_size=1)
FILES = st.lists(
    st.sampled_from(["", "# BUTT_URL=x", "BUTT_URL='a # b'", "BUTT_PRICE=5", "#BUTT_DOMAIN=c"]), max_size=4
)


@given(FILES, st.dictionaries(NAMES, VALUES))
def test_what_is_written_is_read_again_and_the_rest_of_the_file_stays(lines: list[str], new: dict[str, str]):
    before = "".join(f"{line}\n" for line in lines)
    after = written(before, new)
    assert read(after) == {**read(before), **new}
    assert [line for line in after.splitlines() if line.startswith("#") or not line] == [
        line for line in lines if line.startswith("#") or not line
    ]
    assert written(after, new) == after


def test_a_value_in_quotes_stays_as_it_is_also_where_a_comment_names_it():
    text = "# BUTT_SITE_NAME is at the top of each page.\nBUTT_SITE_NAME='Pubs # 1 to 9'\n"
    assert written(text, read(text)) == text


def test_of_a_name_that_is_there_twice_the_last_line_stays():
    text = "BUTT_SITE_NAME=ours\nBUTT_PRICE=5\nBUTT_SITE_NAME='Our # pubs'\n"
    assert written(text, read(text)) == "BUTT_PRICE=5\nBUTT_SITE_NAME='Our # pubs'\n"
