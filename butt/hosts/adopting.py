"""Taking over a data folder that was brought from somewhere else."""

import errno
import shutil
from pathlib import Path

from butt.hosts.interface import HostTrouble


def take_over(data: Path, place: Path) -> None:
    """Move `data` to `place`, whole or not at all; `data` is gone afterwards. Can be repeated."""
    if not data.exists():
        if not (place / "secret").exists():
            raise HostTrouble("the data that was brought for it is gone")
        return
    if place.exists():
        # Killed after the copy to another disk and before the original was removed: what is in place is whole.
        shutil.rmtree(data)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        data.rename(place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise HostTrouble(f"its data cannot be placed: {error.strerror}") from error
        _move_over(data, place)


def _move_over(data: Path, place: Path) -> None:
    """Move to another disk: copied in full under a draft name there, then renamed."""
    draft = place.with_name("data.draft")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(data, draft)
        draft.rename(place)
        shutil.rmtree(data)
    except (OSError, shutil.Error) as error:
        raise HostTrouble(f"its data cannot be placed: {error}") from error
