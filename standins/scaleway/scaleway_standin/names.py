"""Domains and DNS v2beta1, the marketplace's local images, and what IAM says of a key."""

from __future__ import annotations

from scaleway_standin.answers import Answer, Request, missing, not_found, page_of
from scaleway_standin.products import COMMERCIAL_TYPES
from scaleway_standin.world import Thing, World, new_id

LABELS = ("debian_bookworm", "debian_trixie", "ubuntu_noble")
RIGHTS = {
    "/instance/": "InstancesFullAccess",
    "/block/": "BlockStorageFullAccess",
    "/domain/": "DomainsDNSFullAccess",
    "/iam/": "IAMReadOnly",
}
"""Which permission set opens which API."""


class Names:
    def __init__(self, world: World) -> None:
        self._world = world

    def zones(self, request: Request) -> Answer:
        zones = [
            {
                "domain": zone.split(".", 1)[1] if zone.count(".") > 1 else zone,
                "subdomain": zone.split(".", 1)[0] if zone.count(".") > 1 else "",
                "ns": ["ns0.dom.scw.cloud", "ns1.dom.scw.cloud"],
                "ns_default": ["ns0.dom.scw.cloud", "ns1.dom.scw.cloud"],
                "ns_master": [],
                "status": "active",
                "message": None,
                "project_id": request.first("project_id"),
                "linked_products": [],
            }
            for zone in self._world.setting("dns_zones", [])
            if request.first("dns_zone", zone) == zone
        ]
        return Answer(200, {"dns_zones": zones, "total_count": len(zones)})

    def records(self, request: Request, zone: str) -> Answer:
        found = [
            self._shown(record)
            for record in self._of(zone)
            if request.first("name") in ("", record["name"])
            and request.first("type", "unknown").lower() in ("unknown", record["type"].lower())
        ]
        page = page_of(request, found, size_name="page_size", otherwise=20, most=1000)
        return Answer(200, {"records": page, "total_count": len(found)})

    def change(self, request: Request, zone: str) -> Answer:
        self._of(zone)
        body = request.json()
        if not body.get("changes"):
            raise missing("changes")
        for change in body["changes"]:
            if "clear" in change:
                self._remove(self._of(zone))
            for verb in ("set", "delete"):
                if part := change.get(verb):
                    self._remove(self._matching(zone, part))
            for verb in ("set", "add"):
                for record in change.get(verb, {}).get("records", []):
                    self._add(zone, record)
        return Answer(
            200,
            {"records": [self._shown(r) for r in self._of(zone)] if body.get("return_all_records") else []},
        )

    def _of(self, zone: str) -> list[Thing]:
        if zone not in self._world.setting("dns_zones", []):
            raise not_found("dns_zone", zone)
        return [record for record in self._world.all("record") if record["_zone"] == zone]

    def _matching(self, zone: str, part: Thing) -> list[Thing]:
        if key := part.get("id"):
            return [record for record in self._of(zone) if record["id"] == key]
        wanted = part.get("id_fields") or {}
        if not wanted.get("type") or "name" not in wanted:
            raise missing("id_fields")
        return [
            record
            for record in self._of(zone)
            if record["name"] == wanted["name"]
            and record["type"] == wanted["type"].upper()
            and wanted.get("data") in (None, "", record["data"])
        ]

    def _add(self, zone: str, given: Thing) -> None:
        for name in ("data", "name", "type"):
            if name not in given:
                raise missing(name)
        record = {
            "id": new_id(),
            "data": given["data"],
            "name": given["name"],
            "priority": given.get("priority", 0),
            "ttl": given.get("ttl", 3600),
            "type": given["type"].upper(),
            "comment": given.get("comment"),
            "_zone": zone,
        }
        self._world.put("record", record)

    def _remove(self, records: list[Thing]) -> None:
        for record in records:
            self._world.drop("record", record["id"])

    def _shown(self, record: Thing) -> Thing:
        return {name: value for name, value in record.items() if not name.startswith("_")}

    def local_images(self, request: Request) -> Answer:
        label, zone = request.first("image_label"), request.first("zone")
        if label not in LABELS:
            raise not_found("MarketplaceImage", label)
        image = {
            "id": image_id(label),
            "arch": "x86_64",
            "zone": zone,
            "compatible_commercial_types": sorted(COMMERCIAL_TYPES),
            "label": label,
            "type": "instance_sbs",
        }
        return Answer(200, {"local_images": [image], "total_count": 1})

    def api_key(self, _: Request, key: str) -> Answer:
        if key != self._world.setting("access_key", ""):
            raise not_found("api_key", key)
        now = self._world.stamp()
        return Answer(
            200,
            {
                "access_key": key,
                "secret_key": None,
                "application_id": self._world.setting("application", ""),
                "user_id": None,
                "description": "of the stand-in",
                "created_at": now,
                "updated_at": now,
                "expires_at": self._world.setting("key_expires", None),
                "default_project_id": self._world.setting("project", ""),
                "editable": True,
                "deletable": True,
                "managed": False,
                "creation_ip": "127.0.0.1",
            },
        )


def image_id(label: str) -> str:
    return f"81b9475d-e1b5-43c2-ac48-{LABELS.index(label):012d}"
