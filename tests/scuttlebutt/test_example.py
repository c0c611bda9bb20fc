import doctest

import butt.scuttlebutt


def test_the_packages_example_runs():
    result = doctest.testmod(butt.scuttlebutt)
    assert result.attempted > 0
    assert result.failed == 0
