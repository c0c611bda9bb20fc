"""Security groups of instances and their rules."""

from __future__ import annotations

import uuid
from typing import Any

from scaleway_standin.answers import Answer, Request, in_use, missing, not_found, page_of, passing, wrong
from scaleway_standin.world import Thing, World, new_id, shown

MAIL = (25, 465, 587)
"""What `enable_default_security` closes to the outside: the ports by which mail is sent."""


class Groups:
    def __init__(self, world: World) -> None:
        self._world = world
        world.happenings["group_synced"] = self._synced

    def create(self, request: Request, zone: str) -> Answer:
        body = request.json()
        if absent := [name for name in ("name", "project") if not body.get(name)]:
            raise missing(*absent)
        self._world.check_quota("security_groups", len(self._world.all("group")))
        return Answer(201, {"security_group": self._shown(self._make(zone, body))})

    def _make(self, zone: str, body: dict[str, Any], *, default: bool = False) -> Thing:
        now = self._world.stamp()
        group = {
            "id": new_id(),
            "creation_date": now,
            "modification_date": now,
            "name": body["name"],
            "description": body.get("description"),
            "organization": body["project"],
            "project": body["project"],
            "stateful": bool(body.get("stateful")),
            "inbound_default_policy": body.get("inbound_default_policy") or "accept",
            "outbound_default_policy": body.get("outbound_default_policy") or "accept",
            "organization_default": default,
            "project_default": default,
            "enable_default_security": bool(body.get("enable_default_security", True)),
            "state": "available",
            "tags": body.get("tags") or [],
            "zone": zone,
            "_rules": [],
        }
        return self._world.put("group", group)

    def of(self, zone: str, project: str, key: str | None) -> Thing:
        """The group of that name, or the project's default one, which is made when needed."""
        if key:
            return self._in(zone, key)
        for group in self._world.all("group"):
            if group["project_default"] and group["zone"] == zone and group["project"] == project:
                return group
        body = {
            "name": "Default security group",
            "description": "Auto generated security group.",
            "project": project,
            "stateful": True,
        }
        return self._make(zone, body, default=True)

    def list(self, request: Request, zone: str) -> Answer:
        found = [
            self._shown(group)
            for group in self._world.all("group")
            if group["zone"] == zone
            and request.tags() <= set(group["tags"])
            and request.first("project", group["project"]) == group["project"]
        ]
        page = page_of(request, found, size_name="per_page", otherwise=50, most=100)
        return Answer(200, {"security_groups": page}, {"X-Total-Count": str(len(found))})

    def get(self, _: Request, zone: str, key: str) -> Answer:
        return Answer(200, {"security_group": self._shown(self._in(zone, key))})

    def update(self, request: Request, zone: str, key: str) -> Answer:
        group, body = self._in(zone, key), request.json()
        fields = (
            "name",
            "description",
            "inbound_default_policy",
            "outbound_default_policy",
            "stateful",
            "tags",
        )
        changes = {name: body[name] for name in fields if body.get(name) is not None}
        self._world.put("group", group | changes | {"state": "syncing"})
        self._world.later("sync", "group_synced", key)
        return Answer(200, {"security_group": self._shown(self._in(zone, key))})

    def delete(self, _: Request, zone: str, key: str) -> Answer:
        group = self._in(zone, key)
        if group["state"] == "syncing":
            raise passing("instance_security_group", key, "syncing")
        if self._servers(key) or group["project_default"]:
            raise in_use("the security group has servers")
        self._world.drop("group", key)
        return Answer(204)

    def rules(self, request: Request, zone: str, key: str) -> Answer:
        rules = _all_rules(self._in(zone, key))
        page = page_of(request, rules, size_name="per_page", otherwise=50, most=100)
        return Answer(200, {"rules": page}, {"X-Total-Count": str(len(rules))})

    def set_rules(self, request: Request, zone: str, key: str) -> Answer:
        group, given = self._in(zone, key), request.json().get("rules")
        if given is None:
            raise missing("rules")
        group["_rules"] = [_rule(rule, zone, number) for number, rule in enumerate(given, 1)]
        self._world.put("group", group | {"state": "syncing"})
        self._world.later("sync", "group_synced", key)
        return Answer(200, {"rules": _all_rules(group)})

    def _synced(self, key: str) -> None:
        if group := self._world.kinds["group"].get(key):
            self._world.put("group", group | {"state": "available"})

    def _servers(self, key: str) -> list[Thing]:
        return [s for s in self._world.all("server") if s["security_group"]["id"] == key]

    def _in(self, zone: str, key: str) -> Thing:
        group = self._world.get("group", key, "instance_security_group")
        if group["zone"] != zone:
            raise not_found("instance_security_group", key)
        return group

    def _shown(self, group: Thing) -> Thing:
        servers = [{"id": server["id"], "name": server["name"]} for server in self._servers(group["id"])]
        return shown(group) | {"servers": servers}


def _all_rules(group: Thing) -> list[Thing]:
    """Including the rules that nobody may change."""
    closed = [("0.0.0.0/0", port) for port in MAIL] + [("::/0", port) for port in MAIL]
    ours = [
        {
            "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{everywhere} {port}")),
            "protocol": "TCP",
            "direction": "outbound",
            "ip_range": everywhere,
            "dest_ip_range": None,
            "dest_port_from": port,
            "dest_port_to": None,
            "position": position,
            "editable": False,
            "action": "drop",
            "zone": group["zone"],
        }
        for position, (everywhere, port) in enumerate(closed, 1)
    ]
    return [*(ours if group["enable_default_security"] else []), *group["_rules"]]


def _rule(given: Thing, zone: str, position: int) -> Thing:
    """Ports: the last one is shown only if it differs from the first."""
    if given.get("protocol") not in {"TCP", "UDP", "ICMP", "ANY"}:
        raise wrong("protocol", "not a valid value")
    first, last = given.get("dest_port_from") or None, given.get("dest_port_to") or None
    if absent := [name for name in ("action", "protocol", "direction", "ip_range") if not given.get(name)]:
        raise missing(*absent)
    return {
        "id": given.get("id") or new_id(),
        "protocol": given["protocol"],
        "direction": given["direction"],
        "action": given["action"],
        "ip_range": given["ip_range"].removesuffix("/32"),
        "dest_ip_range": None,
        "dest_port_from": first,
        "dest_port_to": None if last == first else last,
        "position": given.get("position") or position,
        "editable": True,
        "zone": zone,
    }
