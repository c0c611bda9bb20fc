import doctest
import re
import runpy
from pathlib import Path

import pytest

import scuttlekit

README = Path(__file__).parents[2] / "packages" / "scuttlekit" / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def test_the_packages_example_runs():
    result = doctest.testmod(scuttlekit)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_readme_has_examples():
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_each_example_of_the_readme_runs(example, tmp_path):
    program = tmp_path / "example.py"
    program.write_text(example)
    runpy.run_path(str(program))
