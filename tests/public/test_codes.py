"""Every error code has a status, and is documented for programs."""

import ast
import re
from pathlib import Path

import butt
from butt.public.api.api import api
from butt.public.api.codes import CODES, OF_THE_SERVER, STATUS

CODE = Path(butt.__file__).parent
DOCUMENT = CODE.parent / "docs" / "api.md"


def refusals() -> dict[str, Path]:
    """The codes with which rules refuse, each with a file that does."""
    found = {}
    for path in CODE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            match call:
                case ast.Call(ast.Name("Refused" | "NoEntry"), [ast.Constant(str(code)), *_]):
                    found[code] = path
                case ast.Call(ast.Name("Rejected"), [_, ast.Constant(str(code))]):
                    found[code] = path
    return found


def answers() -> set[tuple[int, str]]:
    """The statuses and codes that the public server answers with by itself."""
    found = set()
    for path in [*(CODE / "public").rglob("*.py"), CODE / "serving" / "answers.py"]:
        for call in ast.walk(ast.parse(path.read_text())):
            match call:
                case ast.Call(
                    ast.Name("problem" | "_tell" | "answer"),
                    [*_, ast.Constant(int(status)), ast.Constant(str(code)), _]
                    | [_, ast.Constant(int(status)), ast.Constant(str(code)), _, _],
                ):
                    found.add((status, code))
    return found


def test_every_code_of_a_rule_has_a_status():
    found = refusals()
    assert {"wrong_state", "bad_email", "over"} <= set(found)
    assert {code: path for code, path in found.items() if code not in CODES} == {}


def test_every_code_of_the_server_has_its_status():
    known = {(status, code) for code, status in STATUS.items()}
    known |= {(status, code) for code, statuses in OF_THE_SERVER.items() for status in statuses}
    found = answers()
    assert {(503, "not_now"), (408, "too_slow"), (404, "not_found"), (401, "no_token")} <= found
    assert found - known == set()


def test_every_code_is_in_the_document_with_its_status():
    told = dict(re.findall(r"^\| `(\w+)` \| ([\d, ]+) \| \S", DOCUMENT.read_text(), re.MULTILINE))
    expected = {code: str(status) for code, status in STATUS.items()}
    expected |= {code: ", ".join(map(str, statuses)) for code, statuses in OF_THE_SERVER.items()}
    assert told == expected


def test_every_code_is_in_the_openapi_document():
    schemas = api.get_openapi_schema()["components"]["schemas"]
    assert schemas["Problem"]["properties"]["code"]["enum"] == CODES
