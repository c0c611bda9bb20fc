"""Every entry in the lists of slow tests exists: after a rename, a slow test would be among the quick ones
again.
"""

from pathlib import Path

import pytest

from tests.conftest import SLOW

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(set(SLOW)))
def test_each_listed_test_exists(name: str):
    file, _, test = name.partition("::")
    assert (ROOT / file).exists()
    assert not test or f"def {test}" in (ROOT / file).read_text()
