"""Block storage v1 (and v1alpha1): volumes and snapshots."""

from __future__ import annotations

from pathlib import Path

from scaleway_standin.answers import Answer, Request, in_use, missing, page_of, passing, wrong
from scaleway_standin.disks import Disks
from scaleway_standin.world import Thing, World, new_id, shown, stamp_z

GB = 1_000_000_000
SMALLEST, LARGEST = 5 * GB, 10_000 * GB
PRICES = {"sbs_5k": 0.000118, "sbs_15k": 0.000177}
"""Euro for a GB and an hour; snapshots cost what the small ones do."""


class Blocks:
    def __init__(self, world: World) -> None:
        self._world, self.disks = world, Disks()
        world.happenings |= {
            "volume_ready": self._volume_ready,
            "snapshot_ready": self._snapshot_ready,
            "volume_grown": self._grown,
            "detached": self.free,
        }

    # Volumes

    def create_volume(self, request: Request, zone: str) -> Answer:
        body = request.json()
        if not body.get("project_id"):
            raise missing("project_id")
        snapshot = None
        if origin := body.get("from_snapshot"):
            snapshot = self._world.get("snapshot", origin["snapshot_id"], "snapshot")
            size = origin.get("size") or snapshot["size"]
        elif body.get("from_empty"):
            size = body["from_empty"]["size"]
        else:
            raise missing("from_empty")
        iops = body.get("perf_iops") or 5000
        volume = self.make(
            zone, body["project_id"], body.get("name", ""), size, body.get("tags") or [], iops, snapshot
        )
        return Answer(200, shown(volume))

    def make(
        self,
        zone: str,
        project: str,
        name: str,
        size: int,
        tags: list[str],
        iops: int = 5000,
        snapshot: Thing | None = None,
        parent: str | None = None,
    ) -> Thing:
        """A volume that is being created, with a folder that stands for its bytes. `parent` is one of the
        provider's snapshots.
        """
        if not SMALLEST <= size <= LARGEST or (snapshot and size < snapshot["size"]):
            raise wrong("size", f"between {SMALLEST} and {LARGEST}, and at least that of the snapshot")
        if iops not in {5000, 15000}:
            raise wrong("perf_iops", "5000 or 15000")
        self._world.check_quota("sbs_volumes", len(self._world.all("volume")))
        now, key = self._now(), new_id()
        self.folder(key).mkdir(parents=True)
        if snapshot:
            self.disks.copy(self._snapshot_folder(snapshot["id"]), self.folder(key))
        volume = {
            "id": key,
            "name": name or f"vol-{key[:8]}",
            "type": f"sbs_{iops // 1000}k",
            "size": size,
            "project_id": project,
            "created_at": now,
            "updated_at": now,
            "references": [],
            "parent_snapshot_id": snapshot["id"] if snapshot else parent,
            "status": "creating",
            "tags": tags,
            "specs": {"perf_iops": iops, "class": "sbs"},
            "last_detached_at": None,
            "kms_key_id": None,
            "zone": zone,
        }
        self._world.later("create_volume", "volume_ready", key)
        return self._world.put("volume", volume)

    def list_volumes(self, request: Request, zone: str) -> Answer:
        return self._listed(request, "volume", "volumes", zone)

    def get_volume(self, _: Request, zone: str, key: str) -> Answer:
        return Answer(200, shown(self._in(zone, "volume", key)))

    def update_volume(self, request: Request, zone: str, key: str) -> Answer:
        volume, body = self._in(zone, "volume", key), request.json()
        if volume["status"] not in {"available", "in_use"}:
            raise passing("volume", key, volume["status"])
        if size := body.get("size"):
            if not volume["size"] <= size <= LARGEST:
                raise wrong("size", "a volume can only grow")
            if size > volume["size"]:
                # It is shown with its old size until it has the new one.
                volume |= {"status": "updating", "_size": size}
                self._world.later("resize", "volume_grown", key)
        for name in ("name", "tags"):
            if body.get(name) is not None:
                volume[name] = body[name]
        volume["updated_at"] = self._now()
        return Answer(200, shown(self._world.put("volume", volume)))

    def delete_volume(self, _: Request, zone: str, key: str) -> Answer:
        volume = self._in(zone, "volume", key)
        if volume["references"]:
            raise in_use("the volume is attached")
        if volume["status"] != "available":
            raise passing("volume", key, volume["status"])
        self.lose(key)
        return Answer(204)

    def lose(self, key: str) -> None:
        self._world.drop("volume", key)
        self.disks.remove(self.folder(key))

    # Attaching, as instances do it

    def attach(self, volume: Thing, server_id: str) -> None:
        """Raises if it is attached elsewhere: a volume is on one machine at a time."""
        if volume["references"]:
            raise in_use("the volume is attached")
        if volume["status"] != "available":
            raise passing("volume", volume["id"], volume["status"])
        reference = {
            "id": new_id(),
            "product_resource_type": "instance_server",
            "product_resource_id": server_id,
            "created_at": self._now(),
            "type": "exclusive",
            "status": "attached",
        }
        self._world.put("volume", volume | {"references": [reference], "status": "in_use"})

    def begin_detach(self, key: str) -> None:
        volume = self._world.kinds["volume"].get(key)
        if volume and volume["references"]:
            volume["references"][0]["status"] = "detaching"
            self._world.put("volume", volume)
            self._world.later("detach", "detached", key)

    def free(self, key: str) -> None:
        if volume := self._world.kinds["volume"].get(key):
            now = self._now()
            self._world.put(
                "volume",
                volume
                | {"references": [], "status": "available", "last_detached_at": now, "updated_at": now},
            )

    def folder(self, key: str) -> Path:
        return self._world.folder / "volumes" / key

    # Snapshots

    def create_snapshot(self, request: Request, zone: str) -> Answer:
        body = request.json()
        volume = self._in(zone, "volume", body.get("volume_id", ""))
        if volume["status"] not in {"available", "in_use"}:
            raise passing("volume", volume["id"], volume["status"])
        self._world.check_quota("sbs_snapshots", len(self._world.all("snapshot")))
        now, key = self._now(), new_id()
        self.disks.copy(self.folder(volume["id"]), self._snapshot_folder(key))
        parent = {name: volume[name] for name in ("id", "name", "type", "status")}
        snapshot = {
            "id": key,
            "name": body.get("name") or f"snap-{key[:8]}",
            "parent_volume": parent,
            "size": volume["size"],
            "project_id": volume["project_id"],
            "created_at": now,
            "updated_at": now,
            "references": [],
            "status": "creating",
            "tags": body.get("tags") or [],
            "class": "sbs",
            "zone": zone,
            "public": False,
        }
        self._world.later("snapshot", "snapshot_ready", key)
        return Answer(200, shown(self._world.put("snapshot", snapshot)))

    def list_snapshots(self, request: Request, zone: str) -> Answer:
        return self._listed(request, "snapshot", "snapshots", zone)

    def get_snapshot(self, _: Request, zone: str, key: str) -> Answer:
        return Answer(200, shown(self._in(zone, "snapshot", key)))

    def delete_snapshot(self, _: Request, zone: str, key: str) -> Answer:
        snapshot = self._in(zone, "snapshot", key)
        if snapshot["status"] != "available":
            raise passing("snapshot", key, snapshot["status"])
        self._world.drop("snapshot", key)
        self.disks.remove(self._snapshot_folder(key))
        return Answer(204)

    def types(self, _: Request, zone: str) -> Answer:
        def money(price: float) -> Thing:
            return {"currency_code": "EUR", "units": 0, "nanos": round(price * 1e9)}

        types = [
            {
                "type": name,
                "zone": zone,
                "pricing": money(price),
                "snapshot_pricing": money(PRICES["sbs_5k"]),
                "specs": {"perf_iops": int(name[4:-1]) * 1000, "class": "sbs"},
            }
            for name, price in PRICES.items()
        ]
        return Answer(200, {"volume_types": types, "total_count": len(types)})

    # Within

    def _now(self) -> str:
        return stamp_z(self._world.now())

    def _in(self, zone: str, kind: str, key: str) -> Thing:
        thing = self._world.get(kind, key, kind)
        if thing["zone"] != zone:
            return self._world.get(kind, "elsewhere", kind)
        return thing

    def _listed(self, request: Request, kind: str, name: str, zone: str) -> Answer:
        found = [
            thing
            for thing in self._world.all(kind)
            if thing["zone"] == zone
            and request.tags() <= set(thing["tags"])
            and request.first("project_id", thing["project_id"]) == thing["project_id"]
            and request.first("name") in thing["name"]
        ]
        page = page_of(request, found, size_name="page_size", otherwise=20, most=100)
        return Answer(200, {name: [shown(thing) for thing in page], "total_count": len(found)})

    def _volume_ready(self, key: str) -> None:
        if not self.disks.is_ready(self.folder(key)):
            self._world.later("create_volume", "volume_ready", key)
            return
        if volume := self._world.kinds["volume"].get(key):
            status = "in_use" if volume["references"] else "available"
            self._world.put("volume", volume | {"status": status, "updated_at": self._now()})

    def _grown(self, key: str) -> None:
        if volume := self._world.kinds["volume"].get(key):
            volume["size"] = volume.pop("_size", volume["size"])
            self._volume_ready(key)

    def _snapshot_ready(self, key: str) -> None:
        if not self.disks.is_ready(self._snapshot_folder(key)):
            self._world.later("snapshot", "snapshot_ready", key)
            return
        if snapshot := self._world.kinds["snapshot"].get(key):
            self._world.put("snapshot", snapshot | {"status": "available", "updated_at": self._now()})

    def _snapshot_folder(self, key: str) -> Path:
        return self._world.folder / "snapshots" / key
