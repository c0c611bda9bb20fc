"""Draw the packages of the service into `docs/architecture/packages.md`: `python3 scripts/rooms.py`.

The layers come from `.importlinter`.
"""

import configparser
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "architecture" / "packages.md"
BEGIN, END = "<!-- rooms: drawn by scripts/rooms.py -->", "<!-- /rooms -->"


def floors() -> list[list[str]]:
    """The packages' names, the highest layer first."""
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    layers = contracts["importlinter:contract:floors"]["layers"].split("\n")
    return [layer.replace("|", " ").replace("butt.", "").split() for layer in layers if layer.strip()]


def drawing() -> str:
    """Mermaid: a layer imports from those below it, never from those above."""
    lines = ["```mermaid", "flowchart TB"]
    all_floors = floors()
    for number, rooms in enumerate(all_floors):
        lines.append(f'  subgraph floor{number}[" "]')
        lines += [f"    {room}" for room in rooms]
        lines.append("  end")
    lines += [f"  floor{number} --> floor{number + 1}" for number in range(len(all_floors) - 1)]
    return "\n".join([*lines, "```"])


def redrawn(text: str) -> str:
    """The document with the current drawing. Raises `ValueError` if the place for it is missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{DOCUMENT} has no place for the drawing: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{drawing()}\n{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(redrawn(DOCUMENT.read_text()))
