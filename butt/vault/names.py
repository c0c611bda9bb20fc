"""Names in the vault, below `bots/ID/`: a name says what a thing is, so a list of names is all that has to be remembered.

`log/LINE/START-END-DIGEST` are the bytes of a log from START to END. A *line* is one log as it grew: a log that does not begin
with what is in the vault begins another line. DIGEST is that of the bytes before they were sealed.
"""

import re
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

LINE = re.compile(r"\d{13}-[0-9a-f]{8}", re.ASCII)
_PIECE = re.compile(rf"log/({LINE.pattern})/(\d{{12}})-(\d{{12}})-([0-9a-f]{{32}})\.age", re.ASCII)


def prefix(bot_id: uuid.UUID) -> str:
    return f"bots/{bot_id}"


@dataclass(frozen=True, order=True)
class LogPiece:
    """A piece of a log: bytes `start` to `end` of one line."""

    line: str
    start: int
    end: int
    digest: str

    @property
    def name(self) -> str:
        return f"log/{self.line}/{self.start:012d}-{self.end:012d}-{self.digest}.age"


def pieces_in(names: Iterable[str]) -> dict[str, list[LogPiece]]:
    """The pieces of each line. Names that are not ours are skipped."""
    lines: dict[str, list[LogPiece]] = defaultdict(list)
    for name in names:
        if found := _PIECE.fullmatch(name):
            piece = LogPiece(found[1], int(found[2]), int(found[3]), found[4])
            if piece.end > piece.start:
                lines[piece.line].append(piece)
    return dict(lines)


def chain(pieces: Iterable[LogPiece]) -> list[LogPiece]:
    """The pieces that lead furthest from the log's first byte without a gap.

    Each begins where the one before it ends, or within it: a sender that was killed or read an old list sends some bytes again,
    and small pieces are merged. So a piece whose bytes are in a larger one is never needed.
    """
    found: list[LogPiece] = []
    reached, best = 0, None
    for piece in sorted(pieces, key=lambda piece: (piece.start, piece.end)):
        if piece.start > reached and best:
            found.append(best)
            reached, best = best.end, None
        if piece.start > reached:
            break
        if piece.end > reached and (best is None or piece.end >= best.end):
            best = piece
    return [*found, best] if best else found


def small_run(pieces: list[LogPiece], small: int) -> tuple[int, int]:
    """Where the small pieces at the end of a chain begin, and how many there are. `small` is in bytes."""
    count = 0
    for piece in reversed(pieces):
        if piece.end - piece.start >= small:
            return piece.end, count
        count += 1
    return 0, count
