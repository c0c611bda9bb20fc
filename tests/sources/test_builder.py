"""From a source to a release: real npm and real pip, small sources."""

import os
import shutil
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from django.utils import timezone

from butt.agents.models import Progress, Wanted
from butt.agents.states import State
from butt.configuration import configuration
from butt.sources import releases, shelf
from butt.sources.builder import Builder, shelve
from butt.sources.installing import LOG_KEPT
from butt.sources.kind import BuildFailed
from butt.sources.models import Release
from butt.sources.places import folder_of
from tests.people import bot_in, person
from tests.sources.tiny import TINY, Tiny, source

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, settings_of):
    settings_of(home=tmp_path / "home")


@pytest.fixture(params=list(TINY))
def tiny(request: pytest.FixtureRequest) -> Tiny:
    return TINY[request.param]


def turn(folder: Path, rounds: int = 3) -> None:
    builder = Builder(lambda: folder)
    for _ in range(rounds):
        builder.round()


def path_of(release: Release) -> Path:
    return releases.release(release.key).path


def test_a_new_source_is_built_and_numbered(tmp_path: Path, tiny: Tiny):
    folder = tiny.write(tmp_path / "pub")
    turn(folder)
    first = shelf.newest()
    assert (first.number, first.state, path_of(first).is_dir()) == (1, "ready", True)
    tiny.write(folder, "better")
    turn(folder)
    second = shelf.newest()
    assert (second.number, second.digest != first.digest) == (2, True)
    assert {path.name for path in path_of(second).parent.iterdir()} == {first.key, second.key, "lock"}


def test_a_source_that_changes_back_has_its_release_already(tmp_path: Path):
    folder = source(tmp_path / "pub")
    turn(folder)
    source(folder, "worse")
    turn(folder)
    source(folder)
    turn(folder)
    assert (shelf.newest().number, Release.objects.count()) == (1, 2)


def test_a_rebuild_is_kept_beside_the_first_build_and_is_the_newest(tmp_path: Path, tiny: Tiny):
    folder = tiny.write(tmp_path / "pub")
    turn(folder)
    first = shelf.newest()
    second = shelf.again(first)
    assert shelf.again(first) == second, "one that waits is as good as another"
    tiny.write(folder, "changed meanwhile")
    turn(folder)
    second.refresh_from_db()
    assert (second.label, second.state) == ("1.2", "ready")
    assert path_of(first).is_dir()
    assert releases.digest_of(path_of(second)) == first.digest


@pytest.mark.parametrize("state", ["waiting", "building"])
def test_a_clock_that_was_ahead_does_not_delay_a_build(tmp_path: Path, state: str):
    folder = source(tmp_path / "pub")
    turn(folder)
    rebuilt = shelf.again(shelf.newest())
    Release.objects.filter(key=rebuilt.key).update(due_at=timezone.now() + timedelta(minutes=15), state=state)
    assert shelf.due(timezone.now()) == rebuilt


@pytest.mark.parametrize("kept", [True, False])
def test_a_rebuild_of_a_missing_source_uses_its_copy_or_fails_in_words(
    tmp_path: Path, tiny: Tiny, kept: bool
):
    folder = tiny.write(tmp_path / "pub")
    turn(folder)
    rebuilt = shelf.again(shelf.newest())
    shutil.rmtree(folder)
    if not kept:
        shutil.rmtree(path_of(shelf.newest()))
    turn(folder)
    rebuilt.refresh_from_db()
    assert rebuilt.state == ("ready" if kept else "failed")
    assert path_of(rebuilt).is_dir() is kept
    assert kept or "gone" in rebuilt.reason


@pytest.mark.parametrize("state", ["waiting", "failed"])
def test_a_start_of_the_service_does_not_take_a_pending_rebuild_for_built(tmp_path: Path, state: str):
    folder = source(tmp_path / "pub")
    turn(folder)
    first = shelf.newest()
    rebuilt = shelf.again(first)
    Release.objects.filter(key=rebuilt.key).update(state=state)
    shelve(releases.build(folder))
    rebuilt.refresh_from_db()
    assert (rebuilt.state, path_of(rebuilt).exists()) == (state, False)
    assert shelf.newest() == first


def test_an_interrupted_build_is_started_again(tmp_path: Path, tiny: Tiny):
    folder = tiny.write(tmp_path / "pub")
    release = shelf.found(releases.digest_of(folder), {}, "24")
    Release.objects.update(state="building")
    draft = path_of(release).with_name(f"{release.key}.draft")
    (draft / tiny.packages).mkdir(parents=True)
    turn(folder)
    release.refresh_from_db()
    assert release.state == "ready"
    assert not draft.exists()


def test_an_interrupted_build_is_started_again_although_its_installer_still_runs(tmp_path: Path, tiny: Tiny):
    """As after `kill -9` of the builder alone: the installer goes on writing in the folder that is being
    removed.
    """
    folder = tiny.write(tmp_path / "pub", with_package=True)
    release = shelf.found(releases.digest_of(folder), {}, "24")
    Release.objects.update(state="building")
    draft = path_of(release).with_name(f"{release.key}.draft")
    goes_on = ["sh", "-c", f"while :; do mkdir -p {draft}/{tiny.packages}/$((n += 1)); done"]
    installer = subprocess.Popen(goes_on, stderr=subprocess.DEVNULL)
    try:
        turn(folder)
    finally:
        installer.kill()
        installer.wait()
    release.refresh_from_db()
    assert (release.state, release.reason) == ("ready", "")


def test_an_installer_ends_with_its_builder_and_leaves_nothing_elsewhere(tmp_path: Path, tiny: Tiny):
    """It waits for a registry that never answers."""
    folder, home = tiny.write(tmp_path / "pub", with_package=True), tmp_path / "home"
    program = (
        f"from pathlib import Path; from butt.sources.releases import build; build(Path({str(folder)!r}))"
    )
    with socket.create_server(("127.0.0.1", 0)) as registry:
        address = f"http://127.0.0.1:{registry.getsockname()[1]}"
        elsewhere = {"npm_config_registry": address, "PIP_INDEX_URL": address}
        caches = {"npm_config_cache": str(tmp_path / "cache"), "PIP_NO_CACHE_DIR": "1"}
        environment = {**os.environ, **elsewhere, **caches, "BUTT_HOME": str(home), "BUTT_SECRET_KEY": "x"}
        builder = psutil.Popen([sys.executable, "-c", program], env=environment)
        try:
            registry.settimeout(60)
            registry.accept()[0].close()
            (installer,) = builder.children()
            given = installer.environ()
        finally:
            builder.kill()
            builder.wait()
        _, alive = psutil.wait_procs([installer], timeout=10)
        for left in alive:
            left.kill()
        assert not alive
    assert Path(given["TMPDIR"]).parent.parent == home / "releases"
    assert [name for name in given if name.startswith("BUTT_")] == []
    tiny.write(folder)
    made = releases.build(folder)
    assert {path.name for path in (home / "releases").iterdir()} == {made.key, "lock"}


def test_without_disk_space_a_build_fails_in_words_and_is_tried_again(
    tmp_path: Path, tiny: Tiny, small_disk: Path, settings_of
):
    folder = tiny.write(tmp_path / "pub")
    settings_of(home=small_disk)
    turn(folder)
    failed = Release.objects.get()
    assert failed.state == "failed"
    assert "make room and try again" in failed.reason
    assert failed.due_at > timezone.now()
    assert list(path_of(failed).parent.glob("*.draft")) == []
    subprocess.run(["mount", "-o", "remount,size=400m", small_disk], check=True)
    Release.objects.update(due_at=timezone.now())
    turn(folder)
    assert shelf.newest().reason == ""


def test_an_installers_error_is_shown_and_logged(tmp_path: Path, tiny: Tiny):
    """Its packages are pinned, and the registry has another one under that name."""
    folder = tiny.write(tmp_path / "pub", with_package=True)
    tiny.spoil(folder)
    turn(folder)
    failed = Release.objects.get()
    assert failed.state == "failed"
    assert failed.reason.startswith(f"{tiny.installer} could not install the bot's packages")
    assert failed.log


def test_a_builds_output_can_be_read_while_it_runs(tmp_path: Path, tiny: Tiny):
    folder, told = tiny.write(tmp_path / "pub", with_package=True), list[tuple[str, str]]()
    releases.build(folder, say=lambda how_far, log: told.append((how_far, log)))
    assert told[0] == ("copying the source", "")
    assert "installing packages, 1 of 1" in [how_far for how_far, _ in told]
    assert tiny.package in told[-1][1]
    assert len(told[-1][1]) <= LOG_KEPT


def test_a_source_that_changes_while_it_is_copied_is_not_released(tmp_path: Path, tiny: Tiny):
    folder = tiny.write(tmp_path / "pub")
    before = releases.digest_of(folder)
    with pytest.raises(BuildFailed, match="changed while it was copied"):
        releases.build(folder, say=lambda *_: tiny.write(folder, "worse"))
    assert not releases.release(before).path.exists()


def test_a_source_that_changed_since_the_request_is_not_released(tmp_path: Path):
    folder = source(tmp_path / "pub")
    asked = releases.digest_of(folder)
    source(folder, "worse")
    with pytest.raises(BuildFailed, match="changed while it was copied"):
        releases.build(folder, asked)
    assert not releases.release(asked).path.exists()


@pytest.mark.parametrize("number", range(3))
def test_an_invalid_source_is_reported_and_never_released(tmp_path: Path, tiny: Tiny, number: int):
    folder, missing = tiny.write(tmp_path / "pub"), tiny.needed[number]
    (folder / missing).unlink()
    with pytest.raises(BuildFailed, match=f"it has no .*{missing}"):
        releases.check(folder)
    turn(folder)
    assert not Release.objects.exists()


def test_a_source_of_two_kinds_is_refused(tmp_path: Path):
    folder = TINY["python"].write(TINY["node"].write(tmp_path / "pub"))
    with pytest.raises(BuildFailed, match=r"has package\.json and pyproject\.toml: a source has only one"):
        releases.check(folder)


def test_old_releases_are_removed_unless_a_bot_may_need_them(tmp_path: Path, settings_of):
    settings_of(home=tmp_path / "home", releases_kept=1)
    folder, made = tmp_path / "pub", []
    for number in range(5):
        source(folder, f"{number}")
        turn(folder, rounds=1)
        made.append(shelf.newest())
        if number == 0:
            bot = bot_in(State.ALIVE, person("alice"))
            Progress.objects.filter(bot=bot).update(release=made[0].key)
        if number == 1:
            Progress.objects.filter(bot=bot).update(release=made[1].key, previous=made[0].key)
        if number == 2:
            Wanted.objects.filter(bot=bot).update(release=made[2].key, upgrades=1)
    kept = {release.key for release in Release.objects.all()}
    assert kept == {made[0].key, made[1].key, made[2].key, made[4].key}
    assert {path.name for path in path_of(made[0]).parent.iterdir()} == kept | {"lock"}


def test_unused_releases_are_removed_even_if_nothing_is_built(tmp_path: Path, settings_of):
    settings_of(home=tmp_path / "home", releases_kept=1)
    bot, folder = bot_in(State.ALIVE, person("alice")), source(tmp_path / "pub")
    turn(folder)
    first = shelf.newest()
    Progress.objects.filter(bot=bot).update(release=first.key)
    source(folder, "better")
    turn(folder)
    assert path_of(first).is_dir()
    Progress.objects.filter(bot=bot).update(release=shelf.newest().key)
    turn(folder)
    assert [release.key for release in Release.objects.all()] == [shelf.newest().key]
    assert not path_of(first).exists()


def test_an_interrupted_removal_leaves_no_unknown_folder(
    tmp_path: Path, settings_of, monkeypatch: pytest.MonkeyPatch
):
    settings_of(home=tmp_path / "home", releases_kept=1)
    folder = source(tmp_path / "pub")
    turn(folder)
    first = shelf.newest()
    source(folder, "better")

    class Killed(BaseException):
        pass

    def die(_: Release) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Release, "delete", die)
        with pytest.raises(Killed):
            turn(folder)
    assert not path_of(first).exists()
    turn(folder)
    assert [release.key for release in Release.objects.all()] == [shelf.newest().key]


def test_failed_builds_do_not_push_out_good_ones():
    shelf.finish(shelf.found("good", {}, "24"))
    for digest in ("bad1", "bad2", "bad3"):
        shelf.found(digest, {}, "24")
    Release.objects.exclude(key="good").update(state="failed")
    assert shelf.dispensable(3) == []
    assert [release.key for release in shelf.dispensable(2)] == ["bad1"]


def test_waiting_builds_come_before_failed_ones():
    for digest in ("failed", "waiting", "building"):
        shelf.found(digest, {}, "24")
        Release.objects.filter(key=digest).update(state=digest, due_at=timezone.now())
    turns = []
    while (due := shelf.due(timezone.now())) is not None:
        turns.append(due.key)
        shelf.finish(due)
    assert turns == ["building", "waiting", "failed"]


def test_a_source_in_a_git_repository_is_taken_at_its_revision(tmp_path: Path, tiny: Tiny):
    repository = tmp_path / "repository"
    tiny.write(repository / "bots" / "mine", "one")

    def git(*command: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        done = subprocess.run(
            ["git", "-C", str(repository), *identity, *command], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "one")
    revision = git("rev-parse", "HEAD")
    tiny.write(repository / "bots" / "mine", "two")
    git("commit", "--quiet", "-am", "two")

    place = f"git+file://{repository}@{revision}#bots/mine"
    assert "one" in (folder_of(place) / tiny.main).read_text()
    turn(folder_of(place))
    assert shelf.newest().state == "ready"
    for wrong, word in (
        (f"git+file://{repository}", "names no revision"),
        (f"git+file://{repository}@{'0' * 40}", "could not fetch"),
        (f"git+file://{repository}@{revision}#../..", "outside the repository"),
    ):
        with pytest.raises(BuildFailed, match=word):
            folder_of(wrong)
    git("branch", "another", revision)
    newer = folder_of(f"git+file://{repository}@another#bots/mine")
    assert list((configuration().home / "sources").iterdir()) == [newer.parents[1]], (
        "earlier ones are not kept"
    )


def test_every_user_can_read_a_release_as_another_one_runs_it_in_an_image(tmp_path: Path, tiny: Tiny):
    before = os.umask(0o077)
    try:
        built = releases.build(tiny.write(tmp_path / "source", with_package=True))
    finally:
        os.umask(before)
    for path in (built.path, *built.path.rglob("*")):
        if not path.is_symlink():
            assert path.stat().st_mode & 0o444 == 0o444, path
