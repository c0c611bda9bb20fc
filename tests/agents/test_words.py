import pytest
from hypothesis import given
from hypothesis import strategies as st

from butt.agents.words import can_be_seen, one_line, plain, storable

PERSIAN = "می\u200cخواهم"  # noqa: RUF001
FAMILY = "👩\u200d👩\u200d👧\u200d👦"
HEBREW = "שלום (pub)\u200f!"
OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize(
    "text", ["", "Ours.", "حديقة الأصدقاء", PERSIAN, FAMILY, "❤\ufe0f", HEBREW, f"\u200e{HEBREW}"]
)
def test_words_of_all_scripts_are_visible(text: str):
    assert can_be_seen(text)


@pytest.mark.parametrize(
    "text", ["\u200d", " \u200c ", "\u200e\u200f", "a\x00", "a\x1b[31m", "two\nlines", *OVERRIDES]
)
def test_characters_that_hide_or_reverse_words_are_not_visible(text: str):
    assert not can_be_seen(text)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Bienvenue\u00a0!", "Bienvenue !"),
        ("a\tb", "a b"),
        ("山田\u3000太郎", "山田 太郎"),
        ("10\u202f000", "10 000"),
        ("Grund\u00adstück", "Grundstück"),
        ("\ufeffOurs.", "Ours."),
        ("two\nlines", "two\nlines"),
        (PERSIAN, PERSIAN),
        (HEBREW, HEBREW),
    ],
)
def test_all_kinds_of_spaces_become_plain_and_line_break_hints_are_removed(typed: str, kept: str):
    assert plain(typed) == kept


def test_a_name_is_one_line():
    assert one_line("\ufeff 山田\u3000\t太\u00ad郎\n") == "山田 太郎"


@given(st.text(st.characters() | st.characters(categories=["Cs"]) | st.just("\0")))
def test_any_text_can_be_made_storable(text: str):
    kept = storable(text)
    assert "\0" not in kept
    assert kept.encode().decode() == kept
    assert len(kept) == len(text)
    assert storable(kept) == kept


@pytest.mark.parametrize("text", ["", "Ours.", PERSIAN, FAMILY, "a\x01\ufffe\U0010ffff"])
def test_storable_text_is_not_changed(text: str):
    assert storable(text) == text
