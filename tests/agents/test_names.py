import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butt.agents.names import LONGEST, RESERVED, SHORTEST, BadName, clean_bot_name

DNS_LABEL = re.compile(r"[a-z]([a-z0-9]|-(?!-))*[a-z0-9]")


@given(st.text(max_size=80))
def test_whatever_is_typed_ends_in_a_dns_label_or_in_words(text: str):
    try:
        name = clean_bot_name(text)
    except BadName as bad:
        assert str(bad).endswith((".", "another."))
    else:
        assert DNS_LABEL.fullmatch(name)
        assert SHORTEST <= len(name) <= LONGEST
        assert name not in RESERVED


@given(st.from_regex(r"[a-z][a-z0-9]{1,30}", fullmatch=True).filter(lambda name: name not in RESERVED))
def test_a_plain_name_stays_as_it_is(name: str):
    assert clean_bot_name(name) == name


def test_case_and_space_around_a_name_do_not_matter():
    assert clean_bot_name("  My-Pub ") == "my-pub"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Give your bot a name."),
        ("my pub", "a space"),
        ("my_pub", "“_”"),
        ("büro", "“ü”"),
        ("a", "2 to 32 characters"),
        ("x" * 33, "this one has 33"),
        ("1st", "starts with a letter"),
        ("-pub", "starts with a letter"),
        ("pub-", "hyphen"),
        ("xn--pub", "hyphen"),
        ("www", "kept for the service"),
    ],
)
def test_a_bad_name_is_told_in_words(typed: str, said: str):
    with pytest.raises(BadName, match=re.escape(said)):
        clean_bot_name(typed)
