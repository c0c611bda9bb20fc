"""The shelf of releases: which is the newest, how two differ, and which may be removed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Case, F, Max, Q, When
from django.utils import timezone

from butt.agents.models import Progress, Wanted
from butt.leases import due as is_due
from butt.services.interface import PUB_RELEASES
from butt.sources.models import Release

FURTHEST = timedelta(hours=1)
"""No build is postponed for longer, except when a clock was ahead."""

READY, WAITING, BUILDING, FAILED = (
    Release.State.READY,
    Release.State.WAITING,
    Release.State.BUILDING,
    Release.State.FAILED,
)


@dataclass(frozen=True)
class ReleaseStatus:
    """How a release that somebody asked for is: `ready`, `failed` with the reason, or on its way."""

    ready: bool = False
    failed: str = ""
    progress: str = ""


@dataclass(frozen=True)
class Changes:
    """What another release would change. `packages` are `(name, version before, version after)`, None where it is not
    installed.

    Between a release for Node and one for Python no package stays. Then `replaced` says how many there were and will be, and
    `packages` is empty.
    """

    code: bool
    runtime: tuple[str, str] | None
    packages: list[tuple[str, str | None, str | None]]
    replaced: tuple[int, int] | None = None


def newest(source: str = PUB_RELEASES) -> Release | None:
    """The last build of the newest version of the source that is built."""
    ready = Release.objects.filter(source=source, state=READY)
    return ready.order_by("-found_at", "-build").first()


def coming(source: str = PUB_RELEASES) -> Release | None:
    """The newest version of the source, while it is not built."""
    latest = Release.objects.filter(source=source, build=1).order_by("-found_at").first()
    return latest if latest and latest.state != READY else None


def offer(key: str) -> ReleaseStatus:
    """Whether the release can be run. An unknown one failed long ago."""
    release = Release.objects.filter(key=key).first()
    if release is None:
        return ReleaseStatus(failed="The requested release is no longer kept.")
    if release.state == READY:
        return ReleaseStatus(ready=True)
    # A build that failed for lack of space or network is tried again, but nobody is kept waiting for it.
    if release.state == FAILED:
        return ReleaseStatus(failed=release.reason)
    return ReleaseStatus(
        progress=f"Building release {release.label}: {release.progress or 'it waits for its turn'}."
    )


def found(digest: str, packages: Mapping[str, str], runtime: str, source: str = PUB_RELEASES) -> Release:
    """The source now has this digest: returns its release, which waits to be built if it is new."""
    releases = Release.objects.filter(source=source)
    known = releases.filter(digest=digest).order_by("-build").first()
    latest = releases.order_by("-found_at").values_list("digest", flat=True).first()
    if known:
        if latest != digest:
            releases.filter(digest=digest).update(found_at=timezone.now())
        return known
    number = (releases.aggregate(most=Max("number"))["most"] or 0) + 1
    return _add(
        Release(
            key=digest,
            digest=digest,
            source=source,
            number=number,
            packages=dict(packages),
            runtime=runtime,
            due_at=timezone.now(),
            found_at=timezone.now(),
        )
    )


def again(release: Release) -> Release:
    """Build the same source again, from scratch; if a build of it is waiting already, returns that one."""
    same = Release.objects.filter(digest=release.digest)
    waiting = same.filter(state=WAITING, build__gt=1).first()
    if waiting:
        return waiting
    build = (same.aggregate(most=Max("build"))["most"] or 1) + 1
    return _add(
        Release(
            key=f"{release.digest}-{build}",
            digest=release.digest,
            build=build,
            source=release.source,
            number=release.number,
            packages=release.packages,
            runtime=release.runtime,
            found_at=release.found_at,
            due_at=timezone.now(),
        )
    )


def finish(release: Release) -> None:
    release.state, release.built_at, release.reason, release.progress = READY, timezone.now(), "", ""
    release.save(update_fields=["state", "built_at", "reason", "progress"])


def changes(before: Release, after: Release) -> Changes:
    """What changes for a bot that goes from `before` to `after`."""
    code = before.digest != after.digest
    runtime = (before.runtime, after.runtime) if before.runtime != after.runtime else None
    programs = {release.runtime.partition(" ")[0] for release in (before, after) if release.runtime}
    if len(programs) > 1:
        return Changes(code, runtime, [], replaced=(len(before.packages), len(after.packages)))
    names = sorted({*before.packages, *after.packages})
    packages = [(name, before.packages.get(name), after.packages.get(name)) for name in names]
    return Changes(code, runtime, [row for row in packages if row[1] != row[2]])


def dispensable(keep: int) -> list[Release]:
    """Releases that nobody uses or may go back to, beyond the newest `keep` of each source."""
    over = []
    for source in Release.objects.values_list("source", flat=True).distinct():
        for state in (READY, FAILED):
            ended = Release.objects.filter(source=source, state=state)
            over += list(ended.order_by("-found_at", "-build")[keep:])
    used = _used() if over else set()
    return [release for release in over if release.key not in used]


def _used() -> set[str]:
    asked = Wanted.objects.filter(upgrades__gt=F("bot__progress__upgrades"))
    return {
        *Progress.objects.values_list("release", flat=True).distinct(),
        *Progress.objects.values_list("previous", flat=True).distinct(),
        *asked.values_list("release", flat=True).distinct(),
    }


def due(now: datetime) -> Release | None:
    """The next build: first one that a killed builder had begun, last one that failed before and was postponed."""
    failed = Q(is_due("due_at", now, FURTHEST), state=FAILED, build=1)
    waiting = Release.objects.filter(failed | Q(state__in=(WAITING, BUILDING)))
    turn = Case(When(state=BUILDING, then=0), When(state=WAITING, then=1), default=2)
    return waiting.order_by(turn, "due_at").first()


def _add(release: Release) -> Release:
    try:
        with transaction.atomic():
            release.save(force_insert=True)
    except IntegrityError:
        return Release.objects.get(key=release.key)
    return release
