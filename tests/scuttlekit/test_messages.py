import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import InvalidFormat, InvalidMessage, KeyPair
from scuttlekit.canonical import compact, parse
from scuttlekit.messages import Head, create, decode_hmac_key, message_id, validate
from tests.scuttlekit.json_texts import texts
from tests.scuttlekit.peers import few

DATASET = parse((Path(__file__).parent / "validation_dataset" / "data.json").read_bytes())
NOON = 1_700_000_000_000
POST = {"type": "post", "text": "hello"}
HMAC_KEY = b"h" * 32


def head_of(state) -> Head | None:
    return state and Head(state["sequence"], state["id"])


def judge(case) -> str | None:
    """The id that a case of the data set gets, or None if it is refused."""
    try:
        hmac_key = None if case["hmacKey"] is None else decode_hmac_key(case["hmacKey"])
        return validate(case["message"], head_of(case["state"]), hmac_key=hmac_key).key
    except (InvalidMessage, InvalidFormat):
        return None


def test_the_published_data_set_has_all_its_cases():
    assert len(DATASET) == 126
    assert sum(case["valid"] for case in DATASET) > 20


@pytest.mark.parametrize("case", DATASET, ids=range(len(DATASET)))
def test_verdicts_and_ids_agree_with_the_published_data_set(case):
    assert judge(case) == (case["id"] if case["valid"] else None)


def test_a_feed_is_a_chain(alice):
    head = None
    for number in range(1, 6):
        message = create({**POST, "number": number}, alice, head, NOON + number)
        assert message.sequence == number
        assert message.author == alice.id
        assert message.content["number"] == number
        assert message.value["previous"] == (head and head.key)
        assert message.text == compact(message.value)
        assert message.key == message_id(message.value)
        assert validate(parse(message.text), head) == message
        head = message.head


def test_a_gap_a_repetition_and_a_fork_are_refused(alice):
    one = create(POST, alice, None, NOON)
    two = create(POST, alice, one.head, NOON)
    three = create(POST, alice, two.head, NOON)
    other = create({**POST, "text": "fork"}, alice, one.head, NOON)
    with pytest.raises(InvalidMessage, match="message 2 of the feed was expected, but this one is number 3"):
        validate(three.value, one.head)
    with pytest.raises(InvalidMessage, match="message 1"):
        validate(two.value, None)
    with pytest.raises(InvalidMessage, match="number 2"):
        validate(two.value, two.head)
    with pytest.raises(InvalidMessage, match="previous"):
        validate(three.value, other.head)


@few
@given(texts)
def test_any_json_content_is_signed_and_read_again(text):
    alice = KeyPair(b"a" * 32)
    content = {"type": "any", "inside": parse(text.encode())}
    message = create(content, alice, None, NOON)
    assert validate(parse(message.text), None) == message


@few
@given(
    texts | st.just("{}"),
    st.sampled_from(["previous", "sequence", "author", "timestamp", "hash", "content", "signature"]),
)
def test_a_field_with_an_invalid_value_is_refused(text, field):
    alice = KeyPair(b"a" * 32)
    message = create(POST, alice, None, NOON)
    changed = {**message.value, field: parse(text.encode())}
    if changed == message.value:
        return
    with pytest.raises(InvalidMessage):
        validate(changed, None)


@few
@given(texts)
def test_other_json_is_not_a_message(text):
    with pytest.raises(InvalidMessage):
        validate(parse(text.encode()), None)


def test_a_network_with_a_key_of_its_own_signs_differently(alice):
    message = create(POST, alice, None, NOON, hmac_key=HMAC_KEY)
    assert validate(message.value, None, hmac_key=HMAC_KEY) == message
    for other in (None, b"i" * 32):
        with pytest.raises(InvalidMessage, match="signature"):
            validate(message.value, None, hmac_key=other)


@pytest.mark.parametrize(
    "content",
    [None, [], "hello", {}, {"type": "ab"}, {"type": "x" * 53}, {"type": 5}, {"type": {1}}, "aab.box"],
)
def test_content_that_nobody_would_take_is_not_signed(alice, content):
    with pytest.raises(InvalidMessage):
        create(content, alice, None, NOON)


def test_the_length_of_a_message_is_counted_as_in_javascript(alice):
    longest = 8192 - len(json.dumps(create({"type": "post", "text": ""}, alice, None, NOON).value, indent=2))
    for text in ("a" * longest, "€" * longest, "😀" * (longest // 2)):
        create({"type": "post", "text": text}, alice, None, NOON)
    for text in ("a" * (longest + 1), "€" * (longest + 1), "😀" * (longest // 2 + 1)):
        with pytest.raises(InvalidMessage, match="8192"):
            create({"type": "post", "text": text}, alice, None, NOON)


def test_a_message_keeps_values_that_python_would_change(alice):
    message = create({"type": "post", "b": 1.0, "1": "\ud800", "__proto__": 1e21}, alice, None, NOON + 0.5)
    assert b'"content":{"1":"\\ud800","type":"post","b":1,"__proto__":1e+21}' in message.text
    assert b'"timestamp":1700000000000.5' in message.text
    assert list(message.content) == ["1", "type", "b", "__proto__"]


def test_the_signature_of_another_is_refused(alice, bob):
    stolen = {**create(POST, bob, None, NOON).value, "author": alice.id}
    with pytest.raises(InvalidMessage, match="signature"):
        validate(stolen, None)


def test_the_highest_sequence_is_the_last(alice):
    head = Head(2**31 - 2, "%" + "A" * 43 + "=.sha256")
    last = create(POST, alice, head, NOON)
    with pytest.raises(InvalidMessage):
        create(POST, alice, last.head, NOON)


def test_a_checked_message_is_immutable(alice):
    message = create(POST, alice, None, NOON)
    with pytest.raises(AttributeError):
        message.key = "%"
    assert replace(message) == message
