"""What people may call themselves."""

import pytest

from butt.accounts.entry import NoEntry, clean_person_name


def test_a_name_may_be_typed_and_pasted_as_people_do():
    assert clean_person_name("\ufeff山田\u3000太\u00ad郎 ") == "山田 太郎"
    assert clean_person_name("שלום\u200f") == "שלום\u200f"


@pytest.mark.parametrize(("name", "why"), [("n" * 81, "at most 80"), ("\u202eevil", "invisible characters")])
def test_one_that_is_refused_is_told_why(name: str, why: str):
    with pytest.raises(NoEntry, match=why):
        clean_person_name(name)
