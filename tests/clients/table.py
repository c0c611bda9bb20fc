"""The table of `docs/clients.md`: what apps can do with a bot, by each way to join it."""

from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "clients.md"
BEGIN, END = "<!-- table: written by tests/clients/test_table.py -->", "<!-- /table -->"

SITUATIONS = (
    "comes in",
    "both directions",
    "a friend who was away",
    "after a restart of the app",
    "after a restart of the pub",
    "comes back with a new code",
)
WAYS = ("HTTP invite", "ssb: URI", "pub code")
APPS = {"manyverse": "Manyverse", "oasis": "Oasis", "ssb-server": "ssb-server"}
CODES_ONLY = {"oasis", "ssb-server"}
"""Apps that have no code for HTTP invites and `ssb:` URIs: none of their modules knows the word."""

Cells = dict[tuple[str, str], dict[str, str]]
"""By app and way what came of each situation."""


def written(cells: Cells) -> str:
    """The document with a new table."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    return f"{before}{BEGIN}\n{_table(cells)}\n{END}{rest.partition(END)[2]}"


def _table(cells: Cells) -> str:
    head = ["app", "network", "way", *SITUATIONS]
    lines = [head, ["---"] * len(head)]
    for app, name in APPS.items():
        for way in WAYS:
            network = "oasis" if app == "oasis" else "main"
            lines.append([name, f"`{network}`", way, *_row(app, way, cells)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(app: str, way: str, cells: Cells) -> list[str]:
    if app in CODES_ONLY and way != "pub code":
        return ["no: it takes codes only", *[""] * (len(SITUATIONS) - 1)]
    return [cells.get((app, way), {}).get(situation, "not tried") for situation in SITUATIONS]
