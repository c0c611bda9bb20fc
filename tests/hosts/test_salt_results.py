"""Reading what a run of states returned: it succeeded only if every sign says so."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from butt.hosts.salt.results import Returned, troubles

WANTED = {"a": True, "b": False}
REPORT = {"__id__": "report", "result": True, "data": {"generation": 3, "bots": {"a": True, "b": False}}}
GOOD = {"run": {"__id__": "run a", "result": True}, "report": REPORT}

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def read(value: Any = GOOD, retcode: int = 0, answered: bool = True, generation: int = 3) -> list[str]:
    return troubles(Returned(answered, retcode, value), generation, WANTED)


def test_a_good_run_is_no_trouble():
    assert read() == []


@given(json, st.integers(-1, 5), st.booleans())
def test_anything_else_is_trouble(value: Any, retcode: int, answered: bool):
    found = read(value, retcode, answered)
    assert found
    assert all(isinstance(line, str) and line for line in found)


def test_each_sign_of_failure_counts():
    assert read(retcode=2)
    assert read(answered=False)
    assert read(["Pillar failed to render"]) == ["Pillar failed to render"]
    assert read({**GOOD, "run": {"__id__": "run a", "result": False, "comment": "no image"}}) == [
        "run a: no image"
    ]
    assert read({**GOOD, "run": {"__id__": "run a", "result": None}})
    assert read({"run": GOOD["run"]})
    assert read({})
    assert read(generation=4)
    for bots in ({"a": True, "b": True}, {"a": False, "b": False}, {"b": False}):
        assert read({"report": {**REPORT, "data": {"generation": 3, "bots": bots}}})


def test_a_stopped_bot_need_not_be_in_the_report():
    assert read({"report": {**REPORT, "data": {"generation": 3, "bots": {"a": True}}}}) == []


def test_a_run_that_knew_later_orders_is_no_trouble():
    assert read({"report": {**REPORT, "data": {"generation": 4, "bots": {}}}}) == []
