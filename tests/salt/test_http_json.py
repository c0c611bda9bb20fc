"""The external pillar alone: a complete pillar of this minion, or an error."""

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lanes import free_ports
from tests.salt.teller import BAD, Teller

SOURCE = Path(__file__).parents[2] / "salt" / "pillar" / "http_json.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("http_json", SOURCE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


http_json = load()


@pytest.fixture
def teller() -> Iterator[Teller]:
    with Teller("127.0.0.1") as teller:
        teller.tells("m1", {})
        yield teller


@pytest.fixture
def token(tmp_path: Path) -> str:
    path = tmp_path / "token"
    path.write_text("abc\n")
    return str(path)


def asks(url: str, token: str, timeout: float = 1.0) -> object:
    return http_json.ext_pillar("m1", {}, url=f"{url}/agents/%s", token_file=token, timeout=timeout)


def test_a_good_answer_is_the_pillar(teller: Teller, token: str):
    assert asks(teller.url, token) == {"butt": teller.pillars["m1"]}


@pytest.mark.parametrize("bad", BAD)
def test_every_fault_is_an_error(bad: str, teller: Teller, token: str):
    teller.answer = BAD[bad]
    began = time.monotonic()
    with pytest.raises(http_json.PillarDoubt):
        asks(teller.url, token)
    assert time.monotonic() - began < 5, "the time-out is for all of it"


def test_a_missing_server_is_an_error(token: str):
    with pytest.raises(http_json.PillarDoubt):
        asks(f"http://127.0.0.1:{free_ports(1)[0]}", token)


def test_the_token_is_read_each_time_and_a_missing_one_is_an_error(teller: Teller, token: str):
    asks(teller.url, token)
    for broken in ("", " \n"):
        Path(token).write_text(broken)
        with pytest.raises(IndexError):
            asks(teller.url, token)
    Path(token).unlink()
    with pytest.raises(FileNotFoundError):
        asks(teller.url, token)


@given(st.binary())
def test_any_bytes_are_an_error(body: bytes):
    with pytest.raises(http_json.PillarDoubt):
        http_json.checked(body, "m1")
