"""No program that we start learns a secret of ours, from its environment or from the list of processes."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from butt.hosts import HostTrouble
from butt.hosts.salt.calls import Local, Master
from butt.machines.models import Machine
from butt.sources.kind import BuildFailed
from butt.sources.places import folder_of
from butt.sources.releases import build
from tests.machines.machines import machine
from tests.sources.conftest import settings_of
from tests.sources.tiny import TINY

__all__ = ["settings_of"]

SECRET = "sw0rdfish"
SECRETS = {
    "BUTT_SECRET_KEY": SECRET,
    "BUTT_PRIVATE_TOKEN": SECRET,
    "BUTT_STRIPE_SECRET_KEY": SECRET,
    "BUTT_SCALEWAY_SECRET_KEY": SECRET,
    "BUTT_DATABASE_URL": f"postgres://butt:{SECRET}@localhost/butt",
    "BUTT_EMAIL_URL": f"smtp://butt:{SECRET}@localhost:25",
    "PGPASSWORD": SECRET,
}

_started: list[tuple[Any, Any, Any, Any]] = []
_is_heard = False


def _hear(event: str, details: tuple[Any, ...]) -> None:
    if _is_heard and event == "subprocess.Popen":
        _started.append(details)  # type: ignore[arg-type]


sys.addaudithook(_hear)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Any, Any, Any, Any]]]:
    """What a service whose environment is full of secrets starts: program, arguments, folder, environment."""
    global _is_heard  # noqa: PLW0603 - a hook stays as long as the process
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    _started.clear()
    _is_heard = True
    yield _started
    _is_heard = False


def heard(started: list[tuple[Any, Any, Any, Any]]) -> set[str]:
    """The programs that were started, each checked to be without a secret."""
    assert started
    for _, arguments, _, environment in started:
        told = os.environ if environment is None else environment
        said = [*map(os.fsdecode, arguments), *map(os.fsdecode, dict(told).values())]
        assert not [word for word in said if SECRET in word], arguments
    return {Path(os.fsdecode(word)).name for _, arguments, _, _ in started for word in arguments}


@pytest.mark.parametrize(("kind", "program"), [("node", "npm-cli.js"), ("python", "pip")])
def test_programs_that_build_a_release_get_no_secret(
    kind: str, program: str, tmp_path: Path, started: list[Any]
):
    build(TINY[kind].write(tmp_path / "source", os.urandom(8).hex(), with_package=True))
    assert program in heard(started)


def test_git_gets_no_secret(tmp_path: Path, started: list[Any]):
    with pytest.raises(BuildFailed, match="could not fetch"):
        folder_of(f"git+file://{tmp_path}/nothing@main")
    assert "git" in heard(started)


@pytest.mark.parametrize("url", [f"https://me:{SECRET}@localhost/pub", f"https://{SECRET}@localhost/pub"])
def test_a_token_in_the_address_of_a_source_is_refused(url: str, started: list[Any]):
    for place in (f"git+{url}@v1", f"git+{url}"):
        with pytest.raises(BuildFailed, match="credential helper") as refused:
            folder_of(place)
        assert SECRET not in str(refused.value)
    assert started == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "call",
    [
        lambda here, _: Master().apply(here, with_modules=True),
        lambda here, home: Local(home).apply(here, with_modules=True),
    ],
    ids=["master", "local"],
)
def test_salt_gets_no_secret(
    call: Callable[[Machine, Path], object],
    tmp_path: Path,
    settings_of: Callable[..., None],
    started: list[Any],
):
    """In place of Salt's programs there is one that fails at once."""
    for name in ("python", "salt-call"):
        (tmp_path / name).symlink_to("/bin/false")
    settings_of(salt_programs=tmp_path)
    with pytest.raises(HostTrouble):
        call(machine("m1"), tmp_path / "home")
    assert heard(started) & {"python", "salt-call"}
