"""Limits as they are told, and as an operator changes them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from butt.limits.table import LIMITS, PERSON_EXPORTS, UnknownLimit, check_limits
from tests.sources.conftest import settings_of

__all__ = ["settings_of"]

DOCUMENT = (Path(__file__).parents[2] / "docs" / "limits.md").read_text()


def test_every_limit_is_in_the_document_and_no_other():
    rows = [row for row in DOCUMENT.splitlines() if row.startswith("| `")]
    assert rows == [f"| `{of.name}` | {of.default} | {of.unit} | {of.what} |" for of in LIMITS.values()]


def test_an_operator_changes_one(settings_of: Callable[..., None]):
    settings_of(limits="person-exports=9 imports=1")
    assert (PERSON_EXPORTS.most, LIMITS["imports"].most) == (9, 1)
    settings_of(limits="errands=7")
    assert LIMITS["jobs"].most == 7, "its earlier name still works"
    settings_of(limits="")
    assert PERSON_EXPORTS.most == PERSON_EXPORTS.default


@pytest.mark.parametrize(
    ("given", "said"),
    [("nonsense=1", "no limit “nonsense”"), ("imports=0", "above zero"), ("imports", "like imports=10")],
)
def test_a_limit_that_makes_no_sense_is_said_to_make_none(
    settings_of: Callable[..., None], given: str, said: str
):
    settings_of(limits=given)
    with pytest.raises(UnknownLimit, match=said):
        check_limits()
