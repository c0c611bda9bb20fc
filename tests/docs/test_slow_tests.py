"""What the lists of slow tests name is there: a name that is gone would bring a slow test back among the quick ones."""

from pathlib import Path

import pytest

from tests.conftest import SLOW

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(set(SLOW)))
def test_it_is_there(name: str):
    file, _, test = name.partition("::")
    assert (ROOT / file).exists()
    assert not test or f"def {test}" in (ROOT / file).read_text()
