"""What people may call themselves."""

import pytest

from butt.accounts.entry import NoEntry, clean_person_name


def test_names_that_people_type_or_paste_are_accepted():
    assert clean_person_name("\ufeff山田\u3000太\u00ad郎 ") == "山田 太郎"
    assert clean_person_name("שלום\u200f") == "שלום\u200f"


@pytest.mark.parametrize(("name", "why"), [("n" * 81, "at most 80"), ("\u202eevil", "invisible characters")])
def test_a_refused_name_says_why(name: str, why: str):
    with pytest.raises(NoEntry, match=why):
        clean_person_name(name)
