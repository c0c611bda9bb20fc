import pytest

from butt.agents.words import can_be_seen

PERSIAN = "می\u200cخواهم"  # noqa: RUF001
FAMILY = "👩\u200d👩\u200d👧\u200d👦"


@pytest.mark.parametrize("text", ["", "Ours.", "حديقة الأصدقاء", PERSIAN, FAMILY, "❤\ufe0f"])
def test_words_of_all_people_can_be_seen(text: str):
    assert can_be_seen(text)


@pytest.mark.parametrize("text", ["\u200d", " \u200c ", "a\x00", "a\x1b[31m", "\u202eevil", "two\nlines"])
def test_what_hides_or_turns_words_round_cannot(text: str):
    assert not can_be_seen(text)
