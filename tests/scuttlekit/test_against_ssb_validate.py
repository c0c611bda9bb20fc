"""Our verdict on messages against that of ssb-validate: we store exactly what it stores."""

import base64
import json
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scuttlekit import InvalidFormat, InvalidMessage, KeyPair
from scuttlekit.canonical import parse, pretty
from scuttlekit.messages import Head, create, validate
from tests.scuttlekit.json_texts import texts
from tests.scuttlekit.peers import examples, few

ALICE = KeyPair(b"a" * 32)
HMAC_KEY = b"h" * 32
LAST = "%ybJG6SQH63+71OtO9r7cnxeOgEZyZQdecsGaPQXo/CM=.sha256"
FIELDS = ["previous", "sequence", "author", "timestamp", "hash", "content"]
VERDICTS: Counter[bool] = Counter()
LINE_ENDS = "\n\r\u2028\u2029\u0085"


def ours(head: Head | None, text: str, hmac_key: bytes | None = None) -> str | None:
    try:
        return validate(parse(text.encode()), head, hmac_key=hmac_key).key
    except (InvalidMessage, InvalidFormat):
        return None


def mostly(right: str, others: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """JSON text that is right three times out of four: text that is wrong everywhere shows one rule only."""
    return st.integers(0, 3).flatmap(lambda number: others if number == 0 else st.just(right))


def quoted(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return strategy.map(json.dumps)


def around(right: str) -> st.SearchStrategy[str]:
    """Text that differs from the right one in one or two places."""
    piece = st.sampled_from(["", "A", "=", "==", ".", "x", "=.", ".box", "sha256", "é", *LINE_ENDS])
    return st.tuples(st.integers(0, len(right)), piece, st.integers(0, 2)).map(
        lambda drawn: right[: drawn[0]] + drawn[1] + right[drawn[0] + drawn[2] :]
    )


heads = st.none() | st.sampled_from([1, 7, 2**31 - 3, 2**31 - 2, 2**31 - 1, 2**31, 2**53]).map(
    lambda number: Head(number, LAST)
)

boxes = st.one_of(
    st.binary(max_size=9).map(lambda data: base64.b64encode(data).decode()),
    st.sampled_from(["", "aab", "aaa=", "aa==", "ag==", "AAAA", "AAAAA", "A=AA", "AAAA\n"]),
).flatmap(
    lambda data: st.sampled_from(
        [".box", ".box2", ".boxes and more", ".bo", "box", ".box\n", ".BOX", ".box\u2028", ""]
    ).map(data.__add__)
)

types = st.one_of(
    st.integers(1, 60).flatmap(lambda size: st.text(min_size=size, max_size=size)),
    st.sampled_from(["abc", "ab", "a" * 52, "a" * 53, "😀a", "😀", "😀" * 26, "😀" * 26 + "a", "é" * 52]),
)
contents = st.one_of(
    quoted(boxes),
    texts,
    quoted(types).map(lambda text: f'{{"type":{text}}}'),
    texts.map(lambda text: f'{{"type":{text}}}'),
    texts.map(lambda text: f'{{"type":"post","type":{text}}}'),
    texts.map(lambda text: f'{{"type":"post","more":{text}}}'),
    st.integers(7600, 8200).map(lambda size: json.dumps({"type": "post", "text": "é" * size})),
    st.integers(55, 70).map(lambda depth: f'{{"type":"post","deep":{"[" * depth}{"]" * depth}}}'),
)


@st.composite
def messages(draw: st.DrawFn) -> tuple[Head | None, str, bytes | None]:
    """A previous message, the text of a message, mostly signed by its author, and an HMAC key."""
    head, hmac_key = draw(heads), draw(st.none() | st.just(HMAC_KEY))
    number = head.sequence + 1 if head else 1
    previous = json.dumps(head and head.key)
    others = texts | st.sampled_from(
        [f"[{previous}]", f"[[{previous}]]", f"[{previous},null]", f'{{"0":{previous}}}', "[]", '""']
    )
    fields = {
        "previous": draw(mostly(previous, others | quoted(around(LAST)))),
        "sequence": draw(
            mostly(
                str(number),
                texts
                | st.sampled_from(
                    [f"{number}.0", f"{number}e0", f'"{number}"', f"[{number}]", "true", f"-{number}"]
                ),
            )
        ),
        "author": draw(mostly(json.dumps(ALICE.id), texts | quoted(around(ALICE.id)))),
        "timestamp": draw(mostly("1700000000000", texts)),
        "hash": draw(mostly('"sha256"', texts | st.sampled_from(['["sha256"]', '"SHA256"', '"sha256\\n"']))),
        "content": draw(mostly('{"type":"post"}', contents)),
    }
    order = draw(
        st.sampled_from([FIELDS, ["previous", "author", "sequence", *FIELDS[3:]]])
        | mostly_never(st.permutations(FIELDS))
    )
    members = [f'"{name}":{fields[name]}' for name in order]
    if draw(st.integers(0, 9)) == 0:
        members.insert(
            draw(st.integers(0, len(members))),
            draw(st.sampled_from(['"extra":1', '"1":1', '"__proto__":{}', members[0]])),
        )
    unsigned = "{" + ",".join(members) + "}"
    return head, sign(draw, unsigned, hmac_key), hmac_key


def mostly_never(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.integers(0, 9).flatmap(lambda number: strategy if number == 0 else st.just(FIELDS))


def sign(draw: st.DrawFn, unsigned: str, hmac_key: bytes | None) -> str:
    from scuttlekit.messages import _authenticated

    try:
        signed = ALICE.sign(_authenticated(pretty(parse(unsigned.encode())), hmac_key))
    except InvalidFormat:
        signed = bytes(64)
    right = f"{base64.b64encode(signed).decode()}.sig.ed25519"
    other = quoted(around(right)) | texts | st.just(f"[{json.dumps(right)}]")
    signature = draw(mostly(json.dumps(right), other))
    return f'{unsigned[:-1]},"signature":{signature}}}'


@examples(400)
@given(messages())
def test_any_message_has_the_same_verdict_and_id(modules, drawn):
    head, text, hmac_key = drawn
    theirs = modules.judge(head, text, hmac_key)
    VERDICTS[theirs is not None] += 1
    assert ours(head, text, hmac_key) == (None if theirs and is_signature_longer(text) else theirs)


@pytest.mark.parametrize("more", [b"\1", b"\1\2"])
def test_only_a_lengthened_signature_is_refused_although_they_accept_it(modules, more):
    """It is the only part that is not signed: whoever passes a message on could give it another id, and so
    end its feed.
    """
    message = create({"type": "post"}, ALICE, None, 1_700_000_000_000)
    signed = base64.b64decode(message.value["signature"].removesuffix(".sig.ed25519"))
    longer = {**message.value, "signature": f"{base64.b64encode(signed + more).decode()}.sig.ed25519"}
    assert modules.judge(None, json.dumps(longer)) not in {None, message.key}
    assert ours(None, json.dumps(longer)) is None


def is_signature_longer(text: str) -> bool:
    signature = parse(text.encode())["signature"]
    return len(base64.b64decode(signature.removesuffix(".sig.ed25519"))) > 64


def test_enough_examples_were_valid_and_enough_invalid():
    assert VERDICTS[True] > 20
    assert VERDICTS[False] > 20


@few
@given(texts)
@example("null")
@example("[]")
def test_other_json_is_not_a_message(modules, text):
    assert ours(None, text) is modules.judge(None, text) is None


def test_messages_that_we_sign_are_valid_for_everybody(modules):
    head = None
    for number in range(5):
        content = {"type": "post", "text": f"number {number} \ud800 😀 é", "7": 1e21, "b": number / 7}
        message = create(content, ALICE, head, 1_700_000_000_000 + number)
        assert modules.judge(head, message.text.decode()) == message.key
        head = message.head
