"""Write the tables of calls and bounds into `packages/scuttlekit/PUB.md`: `.venv/bin/python scripts/pub_tables.py`."""

from pathlib import Path

from scuttlekit.pub.calls.table import TABLE, Who
from scuttlekit.pub.limits import BOUNDS

DOCUMENT = Path(__file__).parents[1] / "packages" / "scuttlekit" / "PUB.md"
NAMES = {
    Who.ANYBODY: "anybody",
    Who.GUEST: "guests",
    Who.MASTER: "masters",
}


def calls() -> str:
    """Who may call what; each row may also call everything in the rows above it."""
    rows = [
        f"| {name} | {', '.join(f'`{call.name}`' for call in TABLE if call.who == who)} |"
        for who, name in NAMES.items()
    ]
    return "\n".join(["| who | calls |", "| --- | --- |", *rows])


def bounds() -> str:
    rows = [f"| `{bound.name}` | {bound.default:,} {bound.unit} | {bound.reason} |" for bound in BOUNDS]
    return "\n".join(["| bound | default | why |", "| --- | --- | --- |", *rows])


def written(text: str) -> str:
    """The document with the current tables. Raises `ValueError` if the place for one is missing."""
    for name, table in (("calls", calls()), ("bounds", bounds())):
        begin, end = f"<!-- {name}: written by scripts/pub_tables.py -->", f"<!-- /{name} -->"
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        if not (found and ended):
            raise ValueError(f"{DOCUMENT} has no place for the table: {begin} … {end}")
        text = f"{before}{begin}\n{table}\n{end}{after}"
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text()))
