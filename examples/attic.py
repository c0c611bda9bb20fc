"""A cloud of the machines in your attic: a file for each thing, and a command of yours that switches machines.

`ATTIC_SWITCH on|off|is-on FOLDER`: in FOLDER are `cloud-init`, to boot with, and `volume`, a link to the data. It returns 0
when that is so, and `is-on` something else when it is not.
"""

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from fcntl import LOCK_EX, flock
from ipaddress import ip_network
from itertools import islice
from pathlib import Path
from typing import Any, Self

from butt.clouds.interface import (
    Access,
    CloudEffect,
    CloudTrouble,
    Condition,
    Inventory,
    Job,
    OutOfStock,
    ResourceKind,
    Right,
    ServerOffer,
    Thing,
)
from butt.configuration import Configuration

ZONE = "attic"
NETWORKS = {
    ResourceKind.ADDRESS4: ip_network("192.168.7.0/24"),
    ResourceKind.ADDRESS6: ip_network("fd00:a771:c::/64"),
}
LONGEST_SWITCH = 60
"""Seconds."""

MORE = "Put another machine into the attic, or wait until somebody leaves."
AGAIN = "We try again automatically."
TRY = "Try ATTIC_SWITCH by hand."


@dataclass(frozen=True)
class Attic:
    """A `Cloud` of so many `machines`, each with so many bytes of `memory`. Nobody takes snapshots here."""

    folder: Path
    switch: str
    machines: int = 4
    memory: int = 8 << 30

    makes_machines = True
    zones = (ZONE,)
    domain = ""

    @classmethod
    def from_configuration(cls, settings: Configuration) -> Self:
        return cls(settings.home / "attic", os.environ.get("ATTIC_SWITCH", "attic-switch"))

    def inventory(self, zones: Sequence[str]) -> Inventory:
        with self._alone():
            return Inventory(tuple(self._things()) if ZONE in zones else ())

    def offers(self) -> Sequence[ServerOffer]:
        return (ServerOffer(ZONE, "old laptop", self.memory, Decimal(0)),)

    def device(self, volume_id: str) -> str:
        """Each disk bears its id as its label."""
        return f"/dev/disk/by-label/{volume_id}"

    def access(self) -> Access:
        return Access()

    def rights(self) -> Iterator[Right]:
        there = shutil.which(self.switch)
        yield Right(
            "switch machines", "" if there else f"Set ATTIC_SWITCH: there is no command “{self.switch}”."
        )

    def carry_out(self, job: Job) -> None:
        with self._alone():
            kind = job.effect.makes
            if kind and kind is not ResourceKind.SNAPSHOT:
                self._make(job, kind)
                return
            match job.effect:
                case CloudEffect.OPEN_PORTS:
                    pass  # The router of the house has them open.
                case CloudEffect.ATTACH_VOLUME:
                    self._attach_volume(job)
                case CloudEffect.ATTACH_ADDRESS:
                    self._keep(replace(job.aim, on=job.server))
                case CloudEffect.GROW_VOLUME:
                    self._keep(replace(job.aim, size=job.size))
                case CloudEffect.BOOT:
                    (self._place(job.server) / "cloud-init").write_bytes(job.cloud_init)
                    self._switch("on", job.server)
                case CloudEffect.STOP:
                    self._switch("off", job.server)
                case CloudEffect.REMOVE:
                    self._remove(job.aim)
                case _:
                    raise CloudTrouble(
                        f"In the attic nobody can {job.effect.value}.", "Set BUTT_SNAPSHOTS=0."
                    )

    def _make(self, job: Job, kind: ResourceKind) -> None:
        """Whole or not at all: what belongs to a thing is there before its file."""
        there = list(self._things())
        if kind is ResourceKind.SERVER and len([t for t in there if t.kind is kind]) >= self.machines:
            raise OutOfStock("All machines in the attic are taken.", MORE)
        address = ""
        if kind in NETWORKS:
            taken = {thing.address for thing in there}
            few = islice(NETWORKS[kind].hosts(), self.machines)
            address = next((str(host) for host in few if str(host) not in taken), "")
            if not address:
                raise OutOfStock("All addresses of the attic are taken.", MORE)
        id_ = str(uuid.uuid4())
        self._place(id_).mkdir()
        self._keep(
            Thing(
                kind,
                id_,
                ZONE,
                job.agent_id,
                created=datetime.now(UTC),
                type=job.type,
                size=job.size,
                address=address,
            )
        )

    def _attach_volume(self, job: Job) -> None:
        """To one machine alone: two that run one identity fork its feed."""
        volume = self._find(job.volume)
        if volume.on not in {"", job.server}:
            raise CloudTrouble("The volume is on another machine.", AGAIN)
        link = self._place(job.server) / "volume"
        link.unlink(missing_ok=True)
        link.symlink_to(self._place(volume.id))
        self._keep(replace(volume, on=job.server, used=True))

    def _remove(self, thing: Thing) -> None:
        """What is on a machine is let go once that is off."""
        if not self._file(thing.id).exists():
            return
        if thing.kind is ResourceKind.SERVER:
            self._switch("off", thing.id)
            for other in self._things():
                if other.on == thing.id:
                    self._keep(replace(other, on=""))
        elif thing.kind is ResourceKind.VOLUME and self._find(thing.id).on:
            raise CloudTrouble("The volume is on a machine.", AGAIN)
        shutil.rmtree(self._place(thing.id), ignore_errors=True)
        self._file(thing.id).unlink()

    def _switch(self, how: str, server: str) -> bool:
        command = [self.switch, how, str(self._place(server))]
        if not self._file(server).exists():
            raise CloudTrouble("There is no such machine in the attic.", AGAIN)
        try:
            done = subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=LONGEST_SWITCH
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CloudTrouble(f"The machine could not be switched {how}: {error}", TRY) from None
        if done.returncode and how != "is-on":
            raise CloudTrouble(f"The machine could not be switched {how}: {done.stderr.strip()[:200]}", TRY)
        return done.returncode == 0

    def _things(self) -> Iterator[Thing]:
        for file in sorted(self.folder.glob("*.json")):
            yield self._find(file.stem)

    def _find(self, id_: str) -> Thing:
        try:
            kept: dict[str, Any] = json.loads(self._file(id_).read_text())
        except FileNotFoundError:
            raise CloudTrouble("There is no such thing in the attic.", AGAIN) from None
        kind, agent_id = ResourceKind(kept.pop("kind")), uuid.UUID(kept.pop("agent_id"))
        created, monthly = datetime.fromisoformat(kept.pop("created")), Decimal(kept.pop("monthly"))
        how = Condition(kept.pop("condition"))
        if kind is ResourceKind.SERVER:
            how = Condition.RUNNING if self._switch("is-on", id_) else Condition.STOPPED
        return Thing(kind=kind, agent_id=agent_id, condition=how, created=created, monthly=monthly, **kept)

    def _keep(self, thing: Thing) -> None:
        beside = self._file(thing.id).with_suffix(".new")
        beside.write_text(json.dumps(asdict(thing), default=str))
        beside.rename(self._file(thing.id))

    def _file(self, id_: str) -> Path:
        return self.folder / f"{uuid.UUID(id_)}.json"

    def _place(self, id_: str) -> Path:
        return self.folder / str(uuid.UUID(id_))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Also beside another keeper."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            flock(lock, LOCK_EX)
            yield
