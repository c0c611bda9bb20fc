"""Scaleway's API as the stand-in gives it, or the real one if the environment holds keys for it."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scaleway_standin import StandIn

from butt.clouds.keeper import Keeper
from butt.clouds.scaleway import Scaleway
from butt.configuration import configuration
from tests.clouds.account import Account, at_standin

ALICE = uuid.UUID("a11ce000-0000-4000-8000-000000000000")


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """An account at the stand-in that is calm, quick and empty."""
    with at_standin(StandIn(tmp_path / "scaleway", dns_zones=("example.org",))) as account:
        yield account


@pytest.fixture
def cloud(account: Account) -> Scaleway:
    return account.cloud()


@pytest.fixture
def keeper(account: Account) -> Keeper:
    return account.keeper()


@pytest.fixture
def settings_anew() -> Iterator[Callable[[], None]]:
    """Call it after changing a variable, because settings are read only once. They are read again at the
    end.
    """
    yield configuration.cache_clear
    configuration.cache_clear()
