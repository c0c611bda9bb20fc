import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from butt.hosts.publog import LastWords, entries, last_words

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def line(hour: int, **fields: object) -> str:
    return json.dumps({"time": f"2026-01-01T{hour}:00:00.000Z", "level": "error", **fields})


@given(st.text())
def test_any_text_can_be_read(text: str):
    assert all(isinstance(entry, dict) for entry in entries(text))
    last_words(text, NOON)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["time", "level", "code", "message"]), st.none() | st.integers())
    )
)
def test_any_json_objects_can_be_read(objects: list[dict[str, object]]):
    last_words("\n".join(map(json.dumps, objects)), NOON)


def test_the_last_words_are_those_of_the_current_process():
    log = [
        line(11, message="old", code=65),
        line(13, message="The disk is full.", code=74),
        line(14, message="aside"),
    ]
    assert last_words("\n".join(log), NOON) == LastWords("The disk is full.", 74)
    assert last_words(log[0], NOON) is None


def test_a_log_is_not_called_damaged_on_the_codes_word_alone():
    """Earlier releases said this about sound logs that held a message they could not process."""
    words = last_words(line(13, message="The log holds a record that cannot be read.", code=69), NOON)
    assert words is not None
    assert words.code == 69
    assert words.message.startswith("Its code could not read a record of its log. Upgrade it")
