"""The documents describe what the code does: an undocumented setting, command or path fails here."""

import re
from importlib import import_module
from pathlib import Path

import click
import pytest
from django.urls import URLPattern, get_resolver

from butt.agents.names import LONGEST, SHORTEST
from butt.agents.states import State
from butt.clouds.scaleway.settings import PREFIX, ScalewaySettings
from butt.command import MODULES, cli
from butt.configuration import Configuration
from butt.public.api.api import api
from butt.sources.releases import PUB_SOURCE

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

for module in MODULES:
    import_module(f"butt.command.{module}")


def doc(name: str) -> str:
    return (DOCS / name).read_text()


SETTINGS = {
    f"{prefix}{name.upper()}": field
    for prefix, settings in (("BUTT_", Configuration), (PREFIX, ScalewaySettings))
    for name, field in settings.model_fields.items()
}


@pytest.mark.parametrize("name", list(SETTINGS))
def test_every_setting_is_in_the_table_with_its_default(name: str):
    field = SETTINGS[name]
    rows = [row for row in doc("settings.md").splitlines() if row.startswith(f"| `{name}` |")]
    assert len(rows) == 1
    assert field.description in rows[0]
    shown = getattr(field.default, "get_secret_value", lambda: field.default)()
    assert (
        f"| `{shown}` |" in rows[0]
        if shown != "" and shown is not False
        else "| |" in rows[0] or "| `False` |" in rows[0]
    )


def test_the_documents_name_only_existing_settings():
    for path in [*DOCS.rglob("*.md"), ROOT / "README.md"]:
        assert set(re.findall(r"BUTT_[A-Z0-9_]+[A-Z0-9]", path.read_text())) <= set(SETTINGS), path.name


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_is_explained(name: str):
    told = "".join(map(doc, ("operate.md", "operate/upgrades.md", "operate/console.md", "terminal.md")))
    assert f"`butt {name}" in told
    for option in cli.commands[name].params:
        if isinstance(option, click.Option) and not option.hidden and option.name != "home":
            assert option.opts[0] in told


def test_every_call_of_the_api_is_in_its_table_and_no_other():
    described = {
        f"{method.upper()} {path.replace('{agent_id}', '{id}')}"
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method in methods
    }
    told = set(re.findall(r"^\| `([A-Z]+ /[^ `]*)", doc("api.md"), re.MULTILINE))
    assert told == described


def test_every_page_is_in_the_list_of_pages():
    for pattern in get_resolver("butt.public.urls").url_patterns:
        if isinstance(pattern, URLPattern):
            path = re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern))
            assert f"`/{path}`" in doc("architecture/web.md"), f"/{path} is not told of"


def test_every_state_is_explained():
    for state in State:
        assert f"`#{state}`" in doc("architecture.md")


def test_every_make_command_is_in_the_readme_or_in_help():
    text = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert targets
    for target in targets[1].split():
        assert re.search(rf"^{target}:.*## \S", text, re.MULTILINE), f"make {target} is not explained"
    readme = (ROOT / "README.md").read_text()
    assert "make up" in readme
    assert "make test" in readme


def test_the_exit_codes_that_the_host_knows_are_those_the_pub_documents():
    from butt.hosts.exits import DISK_FULL, FINAL, PORT_TAKEN

    rows = re.findall(r"^\| (\d+) \| ([^|]*)", (PUB_SOURCE / "PUB.md").read_text(), re.MULTILINE)
    codes = {int(code): what for code, what in rows}
    assert {code for code in codes if code} == {*FINAL, 70}
    assert "port" in codes[PORT_TAKEN]
    assert "disk" in codes[DISK_FULL]


def test_the_bounds_of_a_name_are_documented():
    assert f"{SHORTEST} to {LONGEST}" in doc("api.md")


def test_no_link_between_the_documents_is_broken():
    for path in [
        *DOCS.rglob("*.md"),
        *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    ]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"
