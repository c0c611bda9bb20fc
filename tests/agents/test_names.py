import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butt.agents.names import LONGEST, SHORTEST, BadName, clean_bot_name
from butt.agents.reserved import GROUPS, is_reserved

DNS_LABEL = re.compile(r"[a-z]([a-z0-9]|-(?!-))*[a-z0-9]")


@given(st.text(max_size=80))
def test_any_input_becomes_a_dns_label_or_a_clear_error(text: str):
    try:
        name = clean_bot_name(text)
    except BadName as bad:
        assert str(bad).endswith((".", "another."))
    else:
        assert DNS_LABEL.fullmatch(name)
        assert SHORTEST <= len(name) <= LONGEST
        assert not is_reserved(name)


@given(st.from_regex(r"[a-z][a-z0-9]{1,30}", fullmatch=True).filter(lambda name: not is_reserved(name)))
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
        ("x" * 33, "This one has 33"),
        ("1st", "must start with a letter"),
        ("-pub", "must start with a letter"),
        ("pub-", "hyphen"),
        ("xn--pub", "hyphen"),
        ("www", "is reserved"),
        ("MX-12", "is reserved"),
    ],
)
def test_a_bad_name_says_why(typed: str, said: str):
    with pytest.raises(BadName, match=re.escape(said)):
        clean_bot_name(typed)


MEANS_SOMETHING = """
    wpad isatap autodiscover autoconfig mta-sts mx mx1 mx2 ns1 ns3 hostmaster postmaster webmaster abuse security login account
    accounts vpn localhost smtp smtp2 imap www www3 admin administrator mail mailer-daemon openpgpkey _acme noc usenet ftp
"""


@pytest.mark.parametrize("name", MEANS_SOMETHING.split())
def test_names_with_a_meaning_for_mail_dns_or_people_are_reserved(name: str):
    with pytest.raises(BadName):
        clean_bot_name(name)


@pytest.mark.parametrize("name", ["my", "alice", "mxyzptlk", "nsa", "wwworld", "mailbox", "pubs", "server1"])
def test_a_name_that_only_begins_like_a_reserved_one_is_free(name: str):
    assert clean_bot_name(name) == name


def test_each_group_of_reserved_names_is_sorted_and_valid():
    for names in GROUPS.values():
        assert names.split() == sorted(names.split())
        assert all(DNS_LABEL.fullmatch(name) for name in names.split())
