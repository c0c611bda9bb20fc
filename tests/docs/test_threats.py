"""The threat model names every route, and every place that unpacks, parses or waits, and nothing else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).parents[2]
LIBRARY = "packages/scuttlekit/scuttlekit/"
PAGE = (ROOT / "docs" / "threats.md").read_text()
ROUTES = PAGE.partition("\n## Routes\n")[2].partition("\n## ")[0]
IN_LIBRARY = PAGE.partition("\n### The library, and the pub in Python\n")[2]

UNPACKING = {"TarInfo.frombuf", "TarFile", "ZipFile", "decompress", "decompressobj", "unpack_archive"}
PARSING = {"loads", "load", "safe_load", "parse", "unpack", "unpack_from", "iter_unpack", "MultiPartParser"}
PARSING |= {"model_validate", "model_validate_json", "validate_python", "validate_json", "literal_eval"}
WAITING = {"sleep", "wait", "wait_for", "timeout", "timeout_at", "result", "acquire", "recv", "flock"}
WAITING |= {"urlopen", "create_connection", "Popen"}
WHOLE_NAMES = {"tarfile.open", "gzip.open", "bz2.open", "lzma.open", "subprocess.run"}
"""Those whose last name alone would mean much else."""


def test_it_names_every_route_and_no_other():
    public = set(_names(get_resolver("butt.public.urls").url_patterns))
    private = {f"private:{name}" for name in _names(get_resolver("butt.private.urls").url_patterns)}
    admin = {name for name in public if name.startswith("admin:")}
    assert set(re.findall(r"`([^`]+)`", ROUTES)) == public - admin | private | {"admin:*"}


def test_it_names_every_place_that_unpacks_parses_or_waits():
    missing = {place: sorted(set(why)) for place, why in _places() if place not in _named()}
    assert missing == {}, "say in docs/threats.md whose bytes these are, and what ends the wait"


def test_every_file_that_it_names_exists():
    assert [name for name in _named() if not (ROOT / name).is_file()] == []


def test_every_attacker_is_attacked():
    table = PAGE.partition("\n## Attackers\n")[2].partition("\n## ")[0]
    rows = [row for row in table.splitlines() if row.startswith("| ")][2:]
    assert len(rows) > 10
    for row in rows:
        *_, held, attacked, _ = row.split("|")
        assert re.search(r"`[^`]+`", held), row
        assert re.search(r"`tests/[^`]+`", attacked), row


def _named() -> set[str]:
    paths = set(re.findall(r"`((?:butt|bots|packages|salt|tests)/[^`*]+\.\w+)`", PAGE))
    return paths | {LIBRARY + name for name in re.findall(r"`([a-z_/]+\.py)`", IN_LIBRARY)}


def _names(patterns: list[URLPattern | URLResolver], space: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield f"{space}{pattern.name}"
        else:
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from _names(pattern.url_patterns, inner)


def _places() -> Iterator[tuple[str, list[str]]]:
    for folder in ("butt", LIBRARY, "salt"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            # What machines get as a link is named where it is.
            if path.is_symlink():
                continue
            if why := [ast.unparse(call.func) for call in _calls(path) if _is_one(call.func)]:
                yield str(path.relative_to(ROOT)), why


def _calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def _is_one(function: ast.expr) -> bool:
    name = ast.unparse(function)
    return name in WHOLE_NAMES or any(
        name == last or name.endswith(f".{last}") for last in UNPACKING | PARSING | WAITING
    )
