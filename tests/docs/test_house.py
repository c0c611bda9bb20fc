"""What the tutorial, the guides and the drawing name exists."""

import os
import re
import runpy
from collections import Counter
from pathlib import Path

import pytest
from django.urls import Resolver404, resolve

from butt.agents.states import Action, State

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GUIDES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "packages" / "scuttlekit" / "PUB.md"]
TUTORIAL = (DOCS / "tutorial.md").read_text()
WRITING = (DOCS / "writing.md").read_text()
LARGEST_PICTURE = 100_000
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")


MOST_WORDS, LONGEST_LINE = 1500, 100


def pictures() -> list[tuple[str, Path]]:
    return [
        (words, guide.parent / place)
        for guide in GUIDES
        for words, place in PICTURE.findall(guide.read_text())
    ]


def anchor(heading: str) -> str:
    """The anchor that the well-known forges make from a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_picture_exists_is_small_and_has_a_text():
    for words, path in pictures():
        assert path.read_bytes().startswith(b"\x89PNG"), path
        assert path.stat().st_size <= LARGEST_PICTURE, path
        assert len(words) > 10, path


def test_every_picture_is_taken_by_the_script_and_shown_somewhere():
    taken = re.findall(r'_take\(\w+, "(\w+)"\)', (ROOT / "scripts" / "pictures.py").read_text())
    shown = {path.resolve() for _, path in pictures()}
    assert {path.stem for path in shown} == set(taken)
    assert shown == set((DOCS / "pictures").iterdir())


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_existing_files_and_headings(guide: Path):
    for target, _, heading in re.findall(r"\]\((?!https?:)([^)#]*)(#?)([^)]*)\)", guide.read_text()):
        there = (guide.parent / target) if target else guide
        assert there.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE)
            assert heading in map(anchor, headings), f"{target}#{heading}"


def test_the_tutorials_buttons_are_in_the_product():
    offered = {str(action) for action in Action}
    for template in (ROOT / "butt" / "public" / "templates").rglob("*.html"):
        offered |= set(re.findall(r'class="bracket[^"]*"[^>]*>\s*([^<{]+?)\s*<', template.read_text()))
    named = set(re.findall(r"`\[([^]]+)\]`", TUTORIAL + WRITING))
    assert {"start", "yes", "invite", "show the code"} <= named
    assert named <= offered


def test_the_tutorials_states_and_paths_are_in_the_product():
    assert set(re.findall(r"`#(\w+)`", TUTORIAL + WRITING)) <= {str(state) for state in State}
    paths = re.findall(r"`(/[a-z]+/?)`", TUTORIAL)
    assert "/start" in paths
    for path in paths:
        try:
            resolve(path, "butt.public.urls")
        except Resolver404:
            resolve(f"{path}token", "butt.public.urls")


def test_every_make_command_in_the_guides_is_in_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for guide in GUIDES:
        assert set(re.findall(r"\bmake ([a-z-]+)`", guide.read_text())) <= targets, guide
        for block in re.findall(r"```sh\n(.*?)```", guide.read_text(), re.DOTALL):
            assert set(re.findall(r"\bmake ([a-z-]+)", block)) <= targets, guide


def test_the_lines_of_examples_are_quoted_as_they_are():
    quotes = re.findall(r"^From \[([^]]+)\]\([^)]+\):\n\n```\w+\n(.*?)```", WRITING, re.MULTILINE | re.DOTALL)
    assert len(quotes) == WRITING.count("\nFrom [")
    for name, quoted in quotes:
        left = (ROOT / name).read_text()
        for line in quoted.splitlines():
            assert f"\n{line}\n" in f"\n{left}", f"{name} has no such line there: {line}"
            left = f"\n{left}".split(f"\n{line}\n", 1)[1]


def test_each_method_of_a_host_and_a_cloud_is_documented():
    from butt.clouds.interface import Cloud
    from butt.hosts.interface import Host

    methods = [name for part in (Host, Cloud) for name in vars(part) if not name.startswith("_")]
    assert sorted(re.findall(r"^\| `(\w+)\(", WRITING, re.MULTILINE)) == sorted(methods)


def test_the_drawing_of_the_packages_is_current():
    """Draw them anew with `python3 scripts/rooms.py`."""
    text = (DOCS / "architecture" / "packages.md").read_text()
    rooms = runpy.run_path(str(ROOT / "scripts" / "rooms.py"))
    assert rooms["redrawn"](text) == text
    drawn = set(re.findall(r"^    (\w+)$", rooms["drawing"](), re.MULTILINE))
    packages = {path.parent.name for path in (ROOT / "butt").glob("*/__init__.py")}
    assert packages <= drawn


def test_the_table_of_the_packages_says_what_each_does():
    text = (DOCS / "architecture" / "packages.md").read_text()
    rooms = runpy.run_path(str(ROOT / "scripts" / "rooms.py"))
    told = re.findall(r"^\| `butt/(\w+)(?:/|\.py)` \|", text, re.MULTILINE)
    assert sorted(told) == sorted(room for rooms_of_one in rooms["floors"]() for room in rooms_of_one)


def test_every_path_in_the_architecture_exists():
    text = "".join(
        path.read_text()
        for path in [
            *DOCS.glob("architecture/*.md"),
            *(DOCS / name for name in ("architecture.md", "changes.md")),
        ]
    )
    places = set(re.findall(r"`((?:[\w-]+/)+(?:[\w-]+\.(?:py|js))?|[\w-]+\.py)`", text))
    assert {
        "butt/parts.py",
        "agents/actions.py",
        "monitor/telling.py",
        "packages/scuttlekit/scuttlekit/pub/calls/",
    } <= places
    library = ROOT / "packages" / "scuttlekit" / "scuttlekit"
    packages = [ROOT, library, ROOT / "butt", *(ROOT / "butt").iterdir()]
    lost = [place for place in places if not any((package / place).exists() for package in packages)]
    assert lost == []


@pytest.mark.parametrize("name", ["architecture", "operate"])
def test_each_part_of_a_guide_is_short_and_the_first_leads_to_it(name: str):
    first = (DOCS / f"{name}.md").read_text()
    assert len(first.split()) <= MOST_WORDS
    parts = list(DOCS.glob(f"{name}/*.md"))
    assert parts
    for part in parts:
        assert f"({name}/{part.name})" in first
        assert len(part.read_text().split()) <= MOST_WORDS, part.name


def test_each_of_the_twelve_changes_names_at_most_six_files_that_exist():
    table = (DOCS / "changes.md").read_text().partition("\n## Twelve changes\n")[2]
    rows = re.findall(r"^\| (?!change \||---)(.*) \|$", table, re.MULTILINE)
    assert len(rows) == 12
    for row in rows:
        what, _, files = row.partition(" | ")
        names = set(re.findall(r"`([a-z_/]+(?:\.py|/))`", files))
        missing = [name for name in names if not ((ROOT / "butt" / name).exists() or (ROOT / name).exists())]
        assert missing == [], what
        assert 1 <= len(names) + 2 * ("migration" in files) <= 6, what


def test_lines_of_the_documents_fit_a_window():
    """Tables, code and links cannot be broken."""
    for path in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]:
        code = False
        for number, line in enumerate(path.read_text().splitlines(), 1):
            code ^= line.lstrip().startswith("```")
            whole = re.sub(r"`[^`]*`|\]\([^)]*\)", lambda each: each[0].replace(" ", "-"), line.strip())
            if not code and not whole.startswith(("|", "!", "```", "<")) and " " in whole[:LONGEST_LINE]:
                assert len(line) <= LONGEST_LINE, f"{path.name}:{number} has {len(line)} characters"


def test_the_readme_opens_with_what_it_is_a_picture_and_two_commands():
    opening = (ROOT / "README.md").read_text()[:1500]
    assert opening.index("pub") < opening.index("![") < opening.index("```sh\nmake up")


def test_the_readme_ends_with_five_links_and_one_leads_to_every_guide():
    last = (ROOT / "README.md").read_text().rpartition("\n## ")[2]
    links = re.findall(r"^- \[[^]]+\]\(([^)]+)\)", last, re.MULTILINE)
    assert len(links) == last.count("](") == 5
    assert "docs/README.md" in links
    index = (DOCS / "README.md").read_text()
    for guide in [*DOCS.glob("*.md"), *(ROOT / "packages" / "scuttlekit").glob("*.md")]:
        if guide != DOCS / "README.md":
            place = Path(os.path.relpath(guide, DOCS)).as_posix()
            assert f"({place})" in index, f"docs/README.md does not lead to {guide.name}"


def test_the_glossary_is_short():
    rows = re.findall(r"^\| (?!term|---)", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    assert 20 < len(rows) <= 40


def test_no_class_name_is_used_twice():
    found = Counter[str]()
    for folder in (ROOT / "butt", ROOT / "packages" / "scuttlekit" / "scuttlekit", ROOT / "salt"):
        for path in folder.rglob("*.py"):
            if path.parent.name != "migrations" and not path.is_symlink():
                found.update(re.findall(r"^class (\w+)", path.read_text(), re.MULTILINE))
    assert [name for name, count in found.items() if count > 1] == []
