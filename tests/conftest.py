"""The real parts that tests share: a built pub, and a whole running service."""

import gc
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path

import pytest
from django.db import connection
from django.test import TransactionTestCase
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from butt.sources.releases import PUB_SOURCE, build
from tests.fuzzing import FUZZ
from tests.node_pub import NODE_PUB
from tests.salt.land import Land
from tests.service import Service
from tests.stock import STOCK
from tests.tables import migrated

# The machine may be busy: a slow moment is not a failure.
settings.register_profile(
    "calm", deadline=None, derandomize=FUZZ == 1, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("quick", settings.get_profile("calm"), max_examples=20)
settings.load_profile("calm")

LONG = (
    "tests/installing/test_bare_debian.py",
    "tests/salt/test_whole.py",
    "chaos/test_chaos.py",
    "tests/pages/test_looks.py",
    "tests/clouds/test_first_boot.py",
    "tests/salt/test_faults.py",
    "tests/clouds/test_whole.py",
    "tests/salt/test_composed.py",
    "tests/release/",
)
"""Tests that take a minute or more even alone on two processors: they get several times as long before they count as hanging. A
whole run starts with them, so that no worker ends up alone with one; and mostly two that use machines run at once, because
each of these takes gigabytes of memory.
"""

HALF_A_MINUTE = (
    *("tests/salt/", "tests/backups/", "tests/pages/test_payment.py", "tests/pages/test_quick.py"),
    *("tests/clients/", "tests/monitor/test_on_postgres.py", "tests/whole/test_upgrade.py"),
    *("tests/whole/test_change_over.py", "tests/clouds/test_killed_anywhere.py", "attack/", "chaos/"),
    *("tests/attacks/test_join.py", "tests/client/", "tests/whole/", "tests/vault/test_coming_back.py"),
    *("tests/imports/test_coming_here.py", "tests/vault/test_loss.py"),
)
"""Files with a test that takes half a minute or more while others run."""

FIRST = (
    *("tests/installing/test_bare_debian.py", "tests/salt/test_whole.py"),
    *("tests/pages/test_looks.py", "tests/pages/test_payment.py"),
    *("tests/clouds/test_first_boot.py", "tests/pages/test_quick.py"),
    *("tests/salt/test_faults.py", "tests/pages/test_the_way_in.py"),
    *("tests/clouds/test_whole.py", "tests/pages/test_invites.py"),
    *("tests/salt/test_composed.py", "tests/clouds/test_killed_anywhere.py"),
    *("chaos/test_chaos.py", "tests/pages/test_members.py"),
)
"""What a whole run begins with. Tests with machines wait more than they compute, and those with browsers compute more than they
wait: they take turns, so that both processors are busy.
"""

SLOW = (
    *FIRST,
    *LONG,
    *HALF_A_MINUTE,
    "tests/billing/",
    *(
        "tests/imports/",
        "tests/clouds/test_moves.py",
        "tests/pages/",
        "tests/vault/",
        "tests/exports/",
        "tests/copies/",
    ),
    *("tests/pub/", "tests/public/", "tests/attacks/", "tests/command/", "tests/clouds/"),
    *("tests/scuttlekit/store/", "tests/scuttlekit/command/", "tests/leaving/test_sweep.py"),
    *("tests/scuttlekit/test_against_ssb_validate.py", "tests/scuttlekit/test_published_handshakes.py"),
    *(
        "tests/scuttlekit/test_fuzz.py",
        "tests/monitor/",
        "tests/hosts/test_processes.py",
        "tests/hosts/test_forking.py",
    ),
    *("tests/bench/", "tests/hosts/test_trial.py", "tests/sources/", "tests/examples/", "tests/standins/"),
    *("tests/private/test_alarms.py", "tests/accounts/test_sealed_mail.py", "tests/api/test_schema.py"),
    "tests/api/test_stateful.py",
    *("tests/limits/test_error_reports.py", "tests/hosts/test_remote_reader.py"),
    "tests/accounts/test_guessing.py::test_many_guesses_at_once",
    "tests/accounts/test_leaving.py::test_accounts_that_have_to_stay_do_not_keep_others_from_going",
)
"""Slow tests, by the beginnings of their names, roughly the slowest first. The quick tests leave them out, and a whole run
starts with them in this order.
"""

HANGS, HANGS_WITH_PARTS, MADE_FIRST, TAKES_LONG = 120, 300, 600, 900
"""Seconds after which a test fails because it hangs, ten times what any test takes: one of Python alone; one with real parts;
one that makes shared parts, or takes half a minute; and a long one.
"""

TOGETHER = "tests/salt/"
"""Tests that share a test network and its machines, so one worker runs them, except those listed in `LONG`."""

_FILES = tuple(name for name in SLOW if "::" not in name)

HEAVY = {"built_node_pub", "built_pub", "built_stock", "composed", "land", "postgres_url", "systemd", "v8"}
"""Fixtures that quick tests also do without: pubs, Node, PostgreSQL, Docker, Salt and systemd's programs."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick", action="store_true", help="Only tests of Python alone: no pub, browser or container."
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("quick"):
        settings.load_profile("quick")


class ByFile(LoadScopeScheduling):
    """When tests run side by side, a file stays with one worker, and so do tests that share machines.

    A worker always has a test queued behind the one it runs. What is queued behind a long test is short: nobody else can take
    it.
    """

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        # Otherwise files with many tests would come first, and those are not the ones that take longest.
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        shares = nodeid.startswith(TOGETHER) and not nodeid.startswith(LONG)
        return TOGETHER if shares else nodeid.partition("::")[0]

    def _assign_work_unit(self, node: WorkerController) -> None:
        begun = self.assigned_work.get(node, {})
        ahead = [name for unit in begun.values() for name, is_done in unit.items() if not is_done]
        if any(name.startswith(LONG) for name in ahead):
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


def pytest_collection(session: pytest.Session) -> None:
    """Side by side, each worker first imports its share of the tests, so that the others find them compiled. Otherwise
    each of them would compile them all, which takes longer than everything else until the first test.
    """
    gc.disable()
    if worker := getattr(session.config, "workerinput", None):
        number, count = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
        root, named = session.config.rootpath, (Path(name.partition("::")[0]) for name in session.config.args)
        files = [file for path in named for file in ([path] if path.is_file() else path.rglob("test_*.py"))]
        for file in sorted(files)[number::count]:
            if not pytest_ignore_collect(file.absolute(), session.config):
                # What cannot be imported is reported where it is collected.
                with suppress(Exception):
                    import_module(".".join(file.absolute().relative_to(root).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """Thousands of tests and all that they import stay: looking for garbage in them takes longer than many a test."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Quick tests do not even import what they leave out."""
    name = collection_path.relative_to(config.rootpath).as_posix()
    return True if config.getoption("quick") and f"{name}/".startswith(_FILES) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("quick"):
        heavy = [item for item in items if _is_heavy(item)]
        config.hook.pytest_deselected(items=heavy)
        items[:] = [item for item in items if not _is_heavy(item)]
    items.sort(key=lambda item: _rank(item.nodeid))
    made: set[tuple[Path, str]] = set()
    for item in items:
        needs = {(item.path, name) for name in getattr(item, "fixturenames", ())}
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_seconds(item, makes=not needs <= made)))
        made |= needs


def _seconds(item: pytest.Item, *, makes: bool) -> int:
    """How long this test may take. `makes` says that it is the first in its file that needs one of its fixtures."""
    if item.nodeid.startswith(LONG):
        return TAKES_LONG
    if not _is_heavy(item):
        return HANGS
    return MADE_FIRST if makes or item.nodeid.startswith(HALF_A_MINUTE) else HANGS_WITH_PARTS


def _rank(nodeid: str) -> int:
    return next((rank for rank, start in enumerate(SLOW) if nodeid.startswith(start)), len(SLOW))


def _is_heavy(item: pytest.Item) -> bool:
    return item.nodeid.startswith(SLOW) or not HEAVY.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[None]:
    """If tests have their tables in memory, create them before Django migrates, which then has nothing left to do. They are
    put back after each test that commits, which takes a twentieth of the time of emptying them.
    """
    if connection.vendor != "sqlite":
        yield
        return
    in_memory = sqlite3.connect(f"file:memorydb_{connection.alias}?mode=memory&cache=shared", uri=True)
    with closing(in_memory), closing(sqlite3.connect(migrated())) as kept:
        kept.backup(in_memory)

        def put_back(_: TransactionTestCase) -> None:
            connection.ensure_connection()
            kept.backup(connection.connection)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(TransactionTestCase, "_fixture_teardown", put_back)
            yield


@pytest.fixture(scope="session")
def built_pub() -> Path:
    """A release of the pub that comes with the service, built once for all tests."""
    return build(PUB_SOURCE).path


@pytest.fixture(scope="session")
def built_stock() -> Path:
    """The network's own ssb-server. Foreign programs in tests run on its packages."""
    return build(STOCK).path


@pytest.fixture(scope="session")
def built_node_pub() -> Path:
    """A release of a pub for Node."""
    return build(NODE_PUB).path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, built_pub: Path) -> Iterator[Service]:
    """`butt up` as a person starts it, with a home folder of its own."""
    with Service(tmp_path_factory.mktemp("home"), built_pub) as service:
        yield service


@pytest.fixture(scope="session")
def land() -> Iterator[Land]:
    """One for all tests here that need it: its addresses exist only once."""
    with Land() as land:
        yield land
