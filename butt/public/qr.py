"""QR codes, drawn into pages."""

from dataclasses import dataclass
from functools import lru_cache

QUIET_ZONE = 4
"""The margin that a QR code needs, in dots; the template's drawing starts there."""


@dataclass(frozen=True)
class Drawing:
    """`size` is its width in dots with the margin; `path` an SVG path, one unit per dot, which needs no style."""

    size: int
    path: str


@lru_cache(256)
def drawn(text: str) -> Drawing:
    """A text as a QR code."""
    # Few processes ever draw one.
    import segno

    matrix = segno.make_qr(text, error="m").matrix
    dots = (f"M{x} {y}h1v1h-1z" for y, row in enumerate(matrix) for x, dark in enumerate(row) if dark)
    return Drawing(len(matrix) + 2 * QUIET_ZONE, "".join(dots))
