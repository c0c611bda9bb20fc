"""Domains and DNS v2beta1."""

from __future__ import annotations

import uuid
from typing import Any

from scaleway_standin.answers import Answer, Request, missing, not_found, page_of, wrong
from scaleway_standin.world import Thing, World, new_id, stamp_z

SERVERS = ["ns0.dom.scw.cloud", "ns1.dom.scw.cloud"]
KNOWN = {"add", "set", "delete", "clear"}


class Names:
    def __init__(self, world: World) -> None:
        self._world = world

    def zones(self, request: Request) -> Answer:
        zones = [
            {
                "domain": zone.split(".", 1)[1] if zone.count(".") > 1 else zone,
                "subdomain": zone.split(".", 1)[0] if zone.count(".") > 1 else "",
                "ns": SERVERS,
                "ns_default": SERVERS,
                "ns_master": [],
                "status": "active",
                "message": None,
                "project_id": self._world.setting("project", ""),
                "linked_products": [],
                "updated_at": stamp_z(self._world.now()),
            }
            for zone in self._world.setting("dns_zones", [])
            if request.first("dns_zones", zone) == zone
        ]
        return Answer(200, {"dns_zones": zones, "total_count": len(zones)})

    def records(self, request: Request, zone: str) -> Answer:
        """A name is a filter only if it is given: an empty one asks for all."""
        found = [
            self._shown(record)
            for record in self._of(zone)
            if request.first("name") in ("", record["name"])
            and request.first("type", "unknown").lower() in ("unknown", record["type"].lower())
        ]
        page = page_of(request, found, size_name="page_size", otherwise=20, most=1000)
        return Answer(200, {"records": page, "total_count": len(found)})

    def change(self, request: Request, zone: str) -> Answer:
        """The answer holds what was set or added, whether or not all records are asked for."""
        self._of(zone)
        body, touched = request.json(), list[Thing]()
        if not body.get("changes"):
            raise missing("changes")
        for change in body["changes"]:
            if unknown := set(change) - KNOWN:
                raise wrong(min(unknown), "not a valid value")
            if "clear" in change:
                self._remove(self._of(zone))
            if part := change.get("delete"):
                self._remove([self._named(zone, part)])
            if part := change.get("set"):
                touched += self._set(zone, part)
            if part := change.get("add"):
                touched += [self._put(zone, record, new_id()) for record in part.get("records", [])]
        shown = self._of(zone) if body.get("return_all_records") else touched
        return Answer(200, {"records": [self._shown(record) for record in shown]})

    def _set(self, zone: str, part: dict[str, Any]) -> list[Thing]:
        """A record that is set keeps its id."""
        before = self._named(zone, part)
        self._remove([before])
        keys = [before["id"], *(new_id() for _ in part.get("records", []))]
        return [
            self._put(zone, record, key) for record, key in zip(part.get("records", []), keys, strict=False)
        ]

    def _of(self, zone: str) -> list[Thing]:
        if zone not in self._world.setting("dns_zones", []):
            raise not_found("dns_zone", zone)
        own = [_name_server(name) for name in SERVERS]
        return [*own, *(record for record in self._world.all("record") if record["_zone"] == zone)]

    def _named(self, zone: str, part: dict[str, Any]) -> Thing:
        """The record that a change is about. Other clients name it by its id, and so must ours."""
        for record in self._of(zone):
            if record["id"] == part.get("id"):
                return record
        if not part.get("id"):
            raise missing("id")
        raise not_found("record", part["id"])

    def _put(self, zone: str, given: Thing, key: str) -> Thing:
        if absent := [name for name in ("data", "name", "type") if name not in given]:
            raise missing(*absent)
        if given["type"] in {"A", "AAAA"} and not given["data"]:
            raise wrong("data", "an address is needed")
        record = {
            "id": key,
            "data": given["data"],
            "name": given["name"],
            "priority": given.get("priority", 0),
            "ttl": given.get("ttl", 3600),
            "type": given["type"].upper(),
            "comment": given.get("comment"),
            "updated_at": stamp_z(self._world.now()),
            "_zone": zone,
        }
        return self._world.put("record", record)

    def _remove(self, records: list[Thing]) -> None:
        for record in records:
            self._world.drop("record", record["id"])

    def _shown(self, record: Thing) -> Thing:
        return {name: value for name, value in record.items() if not name.startswith("_")}


def _name_server(name: str) -> Thing:
    """Every zone has these records, and nobody can remove them."""
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
        "data": f"{name}.",
        "name": "",
        "priority": 0,
        "ttl": 1800,
        "type": "NS",
        "comment": None,
        "updated_at": "2025-07-29T01:29:00Z",
    }
