"""The kinds of source that exist."""

from pathlib import Path

from butt.sources.kind import BuildFailed, SourceKind
from butt.sources.node import Node
from butt.sources.python import Python

KINDS: tuple[SourceKind, ...] = (Node(), Python())


def kind_of(folder: Path) -> SourceKind:
    """The kind of the source or release in `folder`. Raises `BuildFailed` if it is of no kind, or of two."""
    found = [kind for kind in KINDS if (folder / kind.needed[0]).is_file()]
    if len(found) == 1:
        return found[0]
    first = [kind.needed[0] for kind in found or KINDS]
    if found:
        raise BuildFailed(f"{folder} has {' and '.join(first)}: a source has only one of them.")
    raise BuildFailed(f"{folder} is not a source of a bot: it has no {' and no '.join(first)}.")
