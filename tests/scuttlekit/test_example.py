import doctest

import scuttlekit


def test_the_packages_example_runs():
    result = doctest.testmod(scuttlekit)
    assert result.attempted > 0
    assert result.failed == 0
