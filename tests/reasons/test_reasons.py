"""Reasons: codes with values, which are stored as such and read as words."""

import ast
import copy
import json
import pickle
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butt.agents.models import Agent, Progress
from butt.reasons import Reason, code_of, from_stored, to_stored
from butt.reasons.words import WORDS

HOUSE = Path(__file__).parents[2] / "butt"


def values_of(code: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(WORDS[code]) if name}


def reasons_of(inner: st.SearchStrategy[str | int]) -> st.SearchStrategy[Reason]:
    return st.sampled_from(sorted(WORDS)).flatmap(
        lambda code: st.fixed_dictionaries(dict.fromkeys(values_of(code), inner)).map(
            lambda values: Reason(code, **values)
        )
    )


ANY_REASON = st.recursive(reasons_of(st.text() | st.integers()), reasons_of, max_leaves=5)


@given(ANY_REASON)
def test_a_stored_reason_comes_back_with_its_code_and_values(reason: Reason):
    back = from_stored(to_stored(reason))
    assert isinstance(back, Reason)
    assert (back, back.code, back.values) == (reason, reason.code, reason.values)


@given(st.text())
def test_other_text_comes_back_unchanged_even_if_it_looks_like_a_reason(text: str):
    assert from_stored(to_stored(text)) == text
    looks_like_one = to_stored(Reason("restarting")) + text
    assert from_stored(to_stored(looks_like_one)) == looks_like_one


@given(
    st.text(), st.recursive(st.none() | st.text() | st.integers(), lambda x: st.dictionaries(st.text(), x))
)
def test_any_text_in_the_database_can_be_read(text: str, packed: object):
    assert isinstance(from_stored('{"code": ' + text), str)
    assert isinstance(from_stored(json.dumps({"code": "restarting", "values": packed})), str)


def test_text_of_an_earlier_release_and_a_code_of_a_later_one_are_read_as_words():
    assert from_stored("It stopped answering.") == "It stopped answering."
    later = {"code": "from-tomorrow", "values": {}, "words": "It is well."}
    assert from_stored(json.dumps(later)) == "It is well."


def test_a_copy_is_the_same_reason():
    reason = Reason("blocked", why="It sent spam.")
    for again in (copy.deepcopy(reason), pickle.loads(pickle.dumps(reason))):
        assert (again, code_of(again), again.values) == (reason, "blocked", reason.values)


@pytest.mark.django_db
def test_a_row_keeps_the_code_of_its_reason():
    bot = Agent.objects.create(type=Agent.Type.BOT, name="amelie")
    Progress.objects.create(bot=bot, reason=Reason("blocked", why="It sent spam."), notice="npm said no")
    row = Progress.objects.get(bot=bot)
    assert (code_of(row.reason), row.reason) == (
        "blocked",
        "The operators of this service stopped it: It sent spam.",
    )
    assert (code_of(row.notice), row.notice) == ("as-said", "npm said no")
    assert code_of(row.move_notice) == ""


def test_each_code_has_words_and_each_word_is_used_with_its_values():
    used = {}
    for file in HOUSE.rglob("*.py"):
        if file.parent.name == "reasons":
            continue
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Reason":
                names = {word.arg for word in call.keywords}
                used |= {
                    node.value: names for node in ast.walk(call.args[0]) if isinstance(node, ast.Constant)
                }
    assert used == {code: values_of(code) for code in WORDS}
