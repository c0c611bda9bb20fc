"""A short run of faults with a fixed seed, `make test ARGS=chaos`; `make chaos` is the long one.

Not among the tests that always run: what it finds depends on the moment, too, and is held by tests of their own.
"""

from chaos.run import run


def test_people_and_faults_leave_nothing_wrong() -> None:
    assert run(seed=8, seconds=20, on_postgres=False) == []
