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

from butt.clouds.calls import Bounds, client_of
from butt.clouds.keeper import Document, Keeper
from butt.clouds.models import Rented
from butt.clouds.pace import Pace
from butt.clouds.scaleway import Scaleway
from butt.configuration import Configuration

QUICK = {"create_volume": 0, "boot": 0, "stop": 0, "detach": 0, "resize": 0, "snapshot": 0}
MOST_TURNS = 200


@dataclass
class Account:
    url: str
    standin: StandIn

    def settings(self, **more: Any) -> Configuration:
        given: dict[str, Any] = {
            "cloud": "scaleway",
            "scaleway_access_key": ACCESS_KEY,
            "scaleway_secret_key": SecretStr(SECRET_KEY),
            "scaleway_project": PROJECT,
            "scaleway_zones": "fr-par-1 nl-ams-1",
            "scaleway_domain": "example.org",
            "scaleway_url": self.url,
            "scaleway_calls": 1000,
            "scaleway_call_seconds": 10,
        }
        return Configuration(**{**given, **more})

    def cloud(self, **more: Any) -> Scaleway:
        settings = self.settings(**more)
        bounds = Bounds(Pace(settings.scaleway_calls), settings.scaleway_call_seconds, first_pause=0.01)
        return Scaleway(client_of(settings), bounds, settings)

    def keeper(self, cloud: Any = None, document: Document | None = None) -> Keeper:
        """One that waits for nothing to settle: what is done at the stand-in is done at once, or never."""
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


def plain(agent_id: uuid.UUID, volume_id: str) -> bytes:
    return f"#cloud-config\n# {agent_id} {volume_id}\n".encode()


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
