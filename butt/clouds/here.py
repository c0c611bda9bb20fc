"""Bots on the machine that the service runs on, or on machines that somebody adds: there is nothing to make."""

from collections.abc import Iterator, Sequence
from typing import Self

from butt.clouds.interface import Access, Inventory, Job, Right, ServerOffer
from butt.configuration import Configuration


class HereCloud:
    makes_machines = False
    zones: tuple[str, ...] = ()
    domain = ""

    def __init__(self, *, on_machines: bool = False) -> None:
        self._on_machines = on_machines

    @classmethod
    def from_configuration(cls, configuration: Configuration) -> Self:
        return cls(on_machines=(configuration.host, configuration.salt) == ("salt", "master"))

    def inventory(self, zones: Sequence[str]) -> Inventory:  # noqa: ARG002 - there are no zones here
        return Inventory()

    def offers(self) -> Sequence[ServerOffer]:
        return ()

    def carry_out(self, job: Job) -> None:
        """Nothing is ever asked of this cloud."""

    def device(self, volume_id: str) -> str:
        raise AssertionError(f"this machine has no volume {volume_id}: nothing boots here")

    def access(self) -> Access:
        return Access()

    def rights(self) -> Iterator[Right]:
        where = "machines that you add" if self._on_machines else "this machine"
        yield Right(f"Bots run on {where}; no cloud is needed.")
