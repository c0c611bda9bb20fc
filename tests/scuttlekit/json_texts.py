"""Strategies for JSON texts, with everything that programs read and write differently."""

from hypothesis import strategies as st

spaces = st.sampled_from(["", "", "", " ", "\n", "\t\r\n "])

numbers = st.one_of(
    st.integers(-99, 99).map(str),
    st.integers(2**53 - 9, 2**53 + 9).map(str),
    st.integers(10**14, 10**30).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True).filter(
        str.isascii
    ),
    st.sampled_from(
        "-0 -0.0 0e1 1.0 1e0 10e-1 1e21 999999999999999999999 1e-6 1e-7 5e-324 2e-324 1e308 1e309 -1e400 "
        "1519858299363.001 0.00001 123456789012345.678 100000000000000000000.5 9999999999999999.5".split()
    ),
)

characters = st.one_of(
    st.characters(exclude_categories=["Cs"], exclude_characters='"\\', min_codepoint=0x20),
    st.sampled_from(["\\n", "\\/", '\\"', "\\\\", "\\u0000", "\\u001f", "\\u007F", "\\u2028", "\u2028", "é"]),
    st.sampled_from(["\\ud800", "\\uDFFF", "\\ud83d\\ude00", "\\ude00\\ud83d", "😀"]),
    st.sampled_from(list('0123456789.,:[]{}eE"').copy()).filter(lambda one: one != '"'),
)
strings = st.lists(characters, max_size=9).map(lambda found: f'"{"".join(found)}"')

# V8 13.6, which is in Node 24, reads a key with an escape as another key where that came before it and holds a backslash:
# JSON.parse('{"\\\\":1}') makes JSON.parse('{"\\n":1}') give {"\\\\": 1}. It is wrong, and no rule that anybody could follow.
BACKSLASH = r"\\"
keys = st.one_of(
    strings.filter(lambda text: BACKSLASH not in text),
    st.integers(0, 12).map(lambda number: f'"{number}"'),
    st.sampled_from(
        '"__proto__" "toJSON" "type" "01" "-1" "1.0" "4294967294" "4294967295" "4294967296" "99999999999" '
        '"\\u0031" "٣" ""'.split()
    ),
)


def _arrays(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.lists(st.tuples(spaces, inner, spaces).map("".join), max_size=5)
    return items.map(lambda found: f"[{','.join(found)}]")


def _objects(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.tuples(spaces, keys, spaces, st.just(":"), spaces, inner, spaces).map("".join)
    return st.lists(member, max_size=6).map(lambda found: f"{{{','.join(found)}}}")


texts = st.tuples(
    spaces,
    st.recursive(
        st.sampled_from(["null", "true", "false", "[ ]", "{\n}"]) | numbers | strings,
        lambda inner: _arrays(inner) | _objects(inner),
        max_leaves=12,
    ),
    spaces,
).map("".join)
"""JSON texts that a program may send."""

damaged_texts = st.tuples(
    texts,
    st.integers(0, 99),
    st.sampled_from(["", *'"\\[]{},:-+.eEu01\t\0 é', "NaN", "\ufeff"]),
    st.booleans(),
).map(
    lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] + drawn[3] :]  # one place is changed
)
"""JSON texts with one place changed: most are no JSON any more."""
