"""An account at the stand-in: what is in it, how it is steered, and a keeper that is turned by hand."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import requests
from pydantic import SecretStr
from scaleway_standin import ACCESS_KEY, PROJECT, SECRET_KEY, Server, StandIn
from scaleway_standin.world import DELAYS

from butt.clouds.keeper import Document, Keeper
from butt.clouds.models import Rented
from butt.clouds.pace import Pace
from butt.clouds.scaleway import Scaleway
from butt.clouds.scaleway.calls import Bounds, client_of
from butt.clouds.scaleway.settings import ScalewaySettings
from butt.configuration import configuration

QUICK = dict.fromkeys(DELAYS, 0)
"""Nothing takes any time at the stand-in."""

MOST_TURNS = 200


@dataclass
class Account:
    url: str
    standin: StandIn

    def settings(self, **more: Any) -> ScalewaySettings:
        given: dict[str, Any] = {
            "access_key": ACCESS_KEY,
            "secret_key": SecretStr(SECRET_KEY),
            "project": PROJECT,
            "zones": "fr-par-1 nl-ams-1",
            "domain": "example.org",
            "url": self.url,
            "calls": 1000,
            "call_seconds": 10,
        }
        return ScalewaySettings(**{**given, **more})

    def cloud(self, **more: Any) -> Scaleway:
        settings = self.settings(**more)
        bounds = Bounds(Pace(settings.calls), settings.call_seconds, first_pause=0.01)
        return Scaleway(client_of(settings), bounds, settings, configuration().bot_ports)

    def keeper(self, cloud: Any = None, document: Document | None = None) -> Keeper:
        """A keeper that never waits for a call to settle: the stand-in does things at once, or never."""
        return Keeper(cloud or self.cloud(), document or plain, timedelta(0))

    def steer(self, what: str, **wish: Any) -> None:
        requests.post(f"{self.url}/_standin/{what}", json=wish, timeout=10).raise_for_status()

    def has(self) -> dict[str, list[dict[str, Any]]]:
        answer: dict[str, list[dict[str, Any]]] = requests.get(
            f"{self.url}/_standin/state", timeout=10
        ).json()
        return answer

    def calls(self) -> dict[str, dict[str, int]]:
        answer: dict[str, dict[str, int]] = requests.get(f"{self.url}/_standin/calls", timeout=10).json()
        return answer


@contextmanager
def at_standin(standin: StandIn) -> Iterator[Account]:
    with Server(standin) as server:
        account = Account(server.url, standin)
        account.steer("delays", **QUICK)
        yield account
    standin.close()


def plain(agent_id: uuid.UUID, device: str) -> bytes:
    return f"#cloud-config\n# {agent_id} {device}\n".encode()


def turn(keeper: Keeper) -> None:
    """One round for every machine, whether it is due or not."""
    Rented.objects.update(due_at="2020-01-01T00:00Z")
    keeper.round()


def turn_until(state: str, keeper: Keeper, agent_id: uuid.UUID, most: int = MOST_TURNS) -> Rented:
    for _ in range(most):
        turn(keeper)
        rented = Rented.objects.get(agent_id=agent_id)
        if rented.state == state and rented.tries == 0:
            return rented
    raise AssertionError(f"still #{rented.state} after {most} turns: {rented.reason}")


def turn_until_gone(keeper: Keeper, agent_id: uuid.UUID, most: int = MOST_TURNS) -> None:
    for _ in range(most):
        turn(keeper)
        if not Rented.objects.filter(agent_id=agent_id).exists():
            return
    raise AssertionError(f"still there after {most} turns: {Rented.objects.get(agent_id=agent_id).reason}")
