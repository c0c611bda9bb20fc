"""Machines without Salt and Docker: each carries out its own pillar with real pubs, in its own folder, and
reports.
"""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from butt.configuration import configuration
from butt.exports.bundle import ExportBundle, ExportPart, FileGone, Item
from butt.exports.tar import entry_size, packed
from butt.hosts import bundles
from butt.hosts.interface import Folder, HostTrouble, Order
from butt.hosts.orphans import id_of
from butt.hosts.processes import Processes
from butt.hosts.pub_state import sequence_in
from butt.machines import import_transfers, jobs, uploads
from butt.machines.models import Machine, MachineJob
from butt.machines.pillar import pillar_of
from butt.machines.reports import read_report, take
from scuttlekit import canonical
from tests.machines.machines import machine

OWN = frozenset(Order.__dataclass_fields__) - {"bot_id", "run", "launch"}


class Box:
    """If `is_full`, no bot starts on it that has not run on it before."""

    def __init__(self, place: Path, minion_id: str) -> None:
        place.mkdir()
        self.processes = Processes(place)
        self.id, self.is_full = minion_id, False
        self.machine = machine(minion_id)
        self.runs_its_states()

    def runs_its_states(self) -> None:
        told = pillar_of(self.id)["butt"]
        wrong = {bot_id: why for bot_id, bot in told["bots"].items() if (why := self._obey(bot_id, bot))}
        for bot_id in told["deleted"]:
            self.processes.apply(_order(bot_id, {"run": False, "launch": 0}))
            self.processes.destroy(uuid.UUID(bot_id))
        said = {
            "schema": 1,
            "complete": True,
            "generation": told["generation"],
            "done": not wrong,
            "troubles": list(wrong.values()),
            "bots": {str(bot_id): self._seen(bot_id, seen) for bot_id, seen in self._looks().items()},
            "gone": told["deleted"],
        }
        take(self.id, read_report(json.dumps(said).encode()))

    def sends(self, job: MachineJob) -> None:
        """What `butt_exports.send` does with `move`."""
        folder = self.folder(job.bot_id)
        draft = configuration().home / "uploads" / f"{job.id}.x.draft"
        draft.parent.mkdir(exist_ok=True)
        made = bundles.bundle(folder, ExportPart.ALL)
        note = f"{sequence_in(folder)}\n".encode()
        with draft.open("wb") as file:
            file.writelines(packed([*made.items, _item(note)], made.tar_size + entry_size(len(note)), 0))
        upload = uploads.expect(job.machine, job.bot_id, 1 << 30, job.id)
        assert uploads.arrived(upload, draft)
        jobs.done(job.id)

    def folder(self, bot_id: uuid.UUID) -> Folder:
        return Folder(self.processes.bots / str(bot_id))

    def _obey(self, name: str, bot: dict[str, Any]) -> str:
        """The reason why its orders could not be carried out; empty if they were."""
        bot_id = uuid.UUID(name)
        is_new = not self.folder(bot_id).data.exists()
        if bot["run"] and is_new and self.is_full:
            return f"run {name}: No space left on device"
        try:
            if bot["run"] and is_new and bot["cargo"]:
                self._fetch(bot_id)
            if bot["run"] or not is_new:
                self.processes.apply(_order(name, bot))
                self.processes.apply(_order(name, bot))
        except HostTrouble as trouble:
            return str(trouble)
        return ""

    def _fetch(self, bot_id: uuid.UUID) -> None:
        place = import_transfers.for_machine(self.id, bot_id)
        assert place
        data = self.folder(bot_id).path / "fetched"
        _unpacked(bundles.bundle(Folder(place), ExportPart.ALL), data)
        self.processes.adopt(bot_id, data)

    def _looks(self) -> Mapping[uuid.UUID, Any]:
        found = [bot_id for path in self.processes.bots.iterdir() if (bot_id := id_of(path.name))]
        return self.processes.look(found)

    def _seen(self, bot_id: uuid.UUID, seen: Any) -> dict[str, Any]:
        config = self.folder(bot_id).config
        ran = config.exists()
        latest = {"latest": canonical.compact({"value": seen.latest}).decode()} if seen.latest else {}
        return {
            "launch": json.loads(config.read_bytes())["launch"] if ran else 0,
            "running": seen.running,
            "exitCode": None if seen.running else seen.exit_code or 0,
            "startedAt": datetime.now(UTC).isoformat() if ran else None,
            "ssbId": seen.ssb_id,
            **latest,
        }


class Boxes(dict[str, Box]):
    """In place of pushes: a machine carries out its orders at once. One that is lost does nothing."""

    def push(self, machine: Machine, *, new: bool) -> None:
        if box := self.get(machine.minion_id):
            box.runs_its_states()

    def send_what_is_asked(self) -> None:
        for job in MachineJob.objects.filter(done_at=None).select_related("machine"):
            self[job.machine.minion_id].sends(job)


def _order(name: str, bot: dict[str, Any]) -> Order:
    plain = {"bind": "127.0.0.1", "address": "", "port": 0, "release": "", "on_trial": False, "masters": ()}
    given = {field: bot[field] for field in OWN if field in bot}
    order = {**plain, "sequence": 0, **given}
    return Order(bot_id=uuid.UUID(name), run=bot["run"], launch=bot["launch"], **order)


def _item(note: bytes) -> Any:
    return Item("sequence", len(note), lambda: iter([note]))


def _unpacked(bundle: ExportBundle, data: Path) -> None:
    for item in bundle.items:
        try:
            chunks = item.read()
        except FileGone:
            continue
        path = data / item.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(chunks))
