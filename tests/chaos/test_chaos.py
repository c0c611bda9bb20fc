"""A short run of faults with a fixed seed; `make chaos` is the long one."""

from chaos.run import run


def test_people_and_faults_leave_nothing_wrong():
    assert run(seed=8, seconds=20, on_postgres=False) == []
