"""Instances v1: servers, their actions and user data."""

from __future__ import annotations

from typing import Any

from scaleway_standin.addresses import Addresses
from scaleway_standin.answers import (
    Answer,
    Refusal,
    Request,
    Silent,
    missing,
    not_found,
    out_of_stock,
    page_of,
    passing,
    wrong,
)
from scaleway_standin.blocks import Blocks
from scaleway_standin.groups import Groups
from scaleway_standin.images import LABELS, label_of, on_server, snapshot_id
from scaleway_standin.machines import Machines
from scaleway_standin.products import PRODUCTS
from scaleway_standin.products import shown as product_shown
from scaleway_standin.world import Thing, World, new_id, shown

HALTED = "stopped in place"
ALLOWED = {
    "stopped": ["poweron", "backup"],
    "running": ["poweroff", "terminate", "reboot", "stop_in_place", "backup"],
    HALTED: ["poweron", "poweroff", "terminate", "reboot", "backup"],
    "starting": ["stop_in_place", "backup"],
    "stopping": ["stop_in_place", "backup"],
}
KNOWN = {
    "name",
    "dynamic_ip_required",
    "commercial_type",
    "image",
    "volumes",
    "enable_ipv6",
    "public_ip",
    "public_ips",
    "boot_type",
    "project",
    "tags",
    "security_group",
    "protected",
}
"""What a new server may be told. Beside what clients were seen to send: `security_group`, `protected`."""


class Instances:
    def __init__(
        self, world: World, blocks: Blocks, addresses: Addresses, groups: Groups, machines: Machines
    ) -> None:
        self._world, self._blocks, self._addresses = world, blocks, addresses
        self._groups, self._machines = groups, machines
        world.happenings |= {
            "server_running": self._running,
            "server_stopped": self._stopped,
            "server_gone": self._gone,
            "volume_attached": self._volume_attached,
        }

    # Servers

    def create(self, request: Request, zone: str) -> Answer:
        body = request.json()
        _check(body)
        type_, label = body["commercial_type"], label_of(body.get("image", ""))
        self._check_stock(zone, type_)
        if body.get("image") and not label:
            raise not_found("instance_image", body["image"])
        self._world.check_quota("instances", len(self._world.all("server")))
        group = self._groups.of(zone, body["project"], body.get("security_group"))
        now, key = self._world.stamp(), new_id()
        name = body.get("name") or f"srv-{key[:8]}"
        server: Thing = {
            "id": key,
            "name": name,
            "arch": "x86_64",
            "commercial_type": type_,
            "boot_type": body.get("boot_type", "local"),
            "organization": body["project"],
            "project": body["project"],
            "hostname": name.replace("_", "-"),
            "image": on_server(label, zone) if label else None,
            "tags": body.get("tags") or [],
            "state": "stopped",
            "protected": bool(body.get("protected")),
            "state_detail": "",
            "mac_address": f"de:00:00:{key[:2]}:{key[2:4]}:{key[4:6]}",
            "routed_ip_enabled": True,
            "ipv6": None,
            "extra_networks": [],
            "dynamic_ip_required": bool(body.get("dynamic_ip_required", True)),
            "enable_ipv6": False,
            "private_ip": None,
            "creation_date": now,
            "modification_date": now,
            "bootscript": None,
            "security_group": {"id": group["id"], "name": group["name"]},
            "location": None,
            "maintenances": [],
            "placement_group": None,
            "private_nics": [],
            "zone": zone,
            "filesystems": [],
            "end_of_service": False,
            "_volumes": {},
            "_attaching": [],
            "_user_data": {},
        }
        addresses = [self._addresses.free(zone, ip) for ip in body.get("public_ips") or []]
        self._take_volumes(server, body.get("volumes") or {})
        for address in addresses:
            self._addresses.attach(address, server)
        self._world.put("server", server)
        return Answer(201, {"server": self.shown(server)})

    def _take_volumes(self, server: Thing, templates: dict[str, Any]) -> None:
        """The root is made from the image unless it is given; the others must exist. All or nothing."""
        given = {}
        for place, template in templates.items():
            if key := template.get("id"):
                volume = self._world.get("volume", key, "volume")
                if volume["zone"] != server["zone"]:
                    raise not_found("volume", key)
                given[place] = volume
        for place, volume in given.items():
            self._blocks.attach(volume, server["id"])
            server["_volumes"][place] = volume["id"]
        if "0" not in given:
            size = templates.get("0", {}).get("size") or 10_000_000_000
            label = label_of(server["image"]["id"]) or next(iter(LABELS))
            root = self._blocks.make(
                server["zone"],
                server["project"],
                f"{server['image']['name']}_sbs_volume_0",
                size,
                [],
                parent=snapshot_id(label),
            )
            self._blocks.attach(root | {"status": "available"}, server["id"])
            server["_volumes"]["0"] = root["id"]

    def list(self, request: Request, zone: str) -> Answer:
        found = [
            self.shown(server)
            for server in self._world.all("server")
            if server["zone"] == zone
            and request.tags() <= set(server["tags"])
            and request.first("project", server["project"]) == server["project"]
            and request.first("name") in server["name"]
            and request.first("state", server["state"]) == server["state"]
        ]
        page = page_of(request, found, size_name="per_page", otherwise=50, most=100)
        return Answer(200, {"servers": page}, {"X-Total-Count": str(len(found))})

    def get(self, _: Request, zone: str, key: str) -> Answer:
        return Answer(200, {"server": self.shown(self._in(zone, key))})

    def update(self, request: Request, zone: str, key: str) -> Answer:
        server, body = self._in(zone, key), request.json()
        if (type_ := body.get("commercial_type")) and type_ != server["commercial_type"]:
            if server["state"] != "stopped":
                raise Refusal(
                    400, "invalid_request_error", "instance should be powered off to change its type"
                )
            self._check_stock(zone, type_)
            server["commercial_type"] = type_
        if group := body.get("security_group"):
            group = self._groups.of(zone, server["project"], group["id"])
            server["security_group"] = {"id": group["id"], "name": group["name"]}
        if "volumes" in body or "public_ips" in body:
            raise wrong("volumes", "the stand-in attaches by the calls made for it")
        for name in ("name", "tags", "protected"):
            if body.get(name) is not None:
                server[name] = body[name]
        server["modification_date"] = self._world.stamp()
        return Answer(200, {"server": self.shown(self._world.put("server", server))})

    def delete(self, _: Request, zone: str, key: str) -> Answer:
        server = self._in(zone, key)
        if server["state"] != "stopped":
            raise Refusal(400, "invalid_request_error", "instance should be powered off")
        self._gone(key)
        return Answer(204)

    def actions(self, _: Request, zone: str, key: str) -> Answer:
        return Answer(200, {"actions": _allowed(self._in(zone, key))})

    def act(self, request: Request, zone: str, key: str) -> Answer:
        server, action = self._in(zone, key), request.json().get("action", "")
        if server["state"] in {"starting", "stopping"}:
            raise passing("instance_server", key, server["state"])
        if action not in _allowed(server) or action == "backup":
            raise Refusal(
                400,
                "invalid_request_error",
                f"server should be {'running' if action != 'poweron' else 'stopped'}",
            )
        if action == "poweron":
            self._check_stock(zone, server["commercial_type"])
            self._pass(server, "starting", "allocating node", "boot", "server_running")
        elif action == "reboot":
            self._machines.stop(key)
            self._pass(server, "starting", "rebooting", "boot", "server_running")
        elif action == "terminate":
            self._machines.stop(key)
            self._pass(server, "stopping", "stopping", "stop", "server_gone")
        else:
            self._machines.stop(key)
            server["_rest"] = HALTED if action == "stop_in_place" else "stopped"
            self._pass(server, "stopping", "stopping", "stop", "server_stopped")
        now = self._world.stamp()
        task = {
            "id": new_id(),
            "description": f"server_batch_{action}",
            "status": "pending",
            "progress": 0,
            "href_from": f"/servers/{key}/action",
            "href_result": f"/servers/{key}",
            "started_at": now,
            "terminated_at": None,
            "zone": zone,
        }
        return Answer(202, {"task": task})

    # Volumes on a server

    def attach_volume(self, request: Request, zone: str, key: str) -> Answer:
        server, body = self._in(zone, key), request.json()
        volume = self._world.get("volume", body.get("volume_id", ""), "volume")
        if volume["zone"] != zone:
            raise not_found("volume", volume["id"])
        self._blocks.attach(volume, key)
        place = next(str(n) for n in range(16) if str(n) not in server["_volumes"])
        server["_volumes"][place] = volume["id"]
        server["_attaching"].append(volume["id"])
        self._world.later("attach", "volume_attached", key, volume["id"])
        self._world.put("server", server)
        self._machines.link(server)
        return Answer(200, {"server": self.shown(server)})

    def _volume_attached(self, key: str, volume: str) -> None:
        server = self._world.kinds["server"].get(key)
        if server and volume in server["_attaching"]:
            server["_attaching"].remove(volume)
            self._world.put("server", server)

    def detach_volume(self, request: Request, zone: str, key: str) -> Answer:
        server, wanted = self._in(zone, key), request.json().get("volume_id", "")
        places = [place for place, volume in server["_volumes"].items() if volume == wanted]
        if not places:
            raise wrong("volume_id", f"Volume {wanted} is not attached to this server")
        del server["_volumes"][places[0]]
        self._blocks.begin_detach(wanted)
        self._world.put("server", server)
        self._machines.link(server)
        return Answer(200, {"server": self.shown(server)})

    # User data

    def list_user_data(self, _: Request, zone: str, key: str) -> Answer:
        return Answer(200, {"user_data": sorted(self._in(zone, key)["_user_data"])})

    def get_user_data(self, _: Request, zone: str, key: str, name: str) -> Answer:
        data = self._in(zone, key)["_user_data"]
        if name not in data:
            raise Silent(404)
        return Answer(200, data[name].encode(), {"Content-Type": "text/plain"})

    def set_user_data(self, request: Request, zone: str, key: str, name: str) -> Answer:
        server = self._in(zone, key)
        server["_user_data"][name] = request.body.decode("utf-8", "replace")
        self._world.put("server", server)
        return Answer(204)

    def delete_user_data(self, _: Request, zone: str, key: str, name: str) -> Answer:
        server = self._in(zone, key)
        if server["_user_data"].pop(name, None) is None:
            raise Silent(404)
        self._world.put("server", server)
        return Answer(204)

    # Products

    def types(self, request: Request, _: str) -> Answer:
        types = {name: product_shown(product) for name, product in PRODUCTS.items()}
        return self._products(request, types)

    def availability(self, request: Request, zone: str) -> Answer:
        stock = {name: {"availability": self._stock(zone, name)} for name in PRODUCTS}
        return self._products(request, stock)

    def _products(self, request: Request, facts: dict[str, Any]) -> Answer:
        page = page_of(request, sorted(facts), size_name="per_page", otherwise=50, most=100)
        return Answer(
            200, {"servers": {name: facts[name] for name in page}}, {"X-Total-Count": str(len(facts))}
        )

    # Within

    def destroy(self, key: str, volume: str = "") -> None:
        """Lose the machine as when its hypervisor burns: it and its volume are gone though nobody asked for
        that.
        """
        self._world.get("server", key, "instance_server")
        self._machines.burn(key)
        self._gone(key)
        if volume:
            self._blocks.lose(volume)

    def shown(self, server: Thing) -> Thing:
        volumes = {place: self._volume(key, server) for place, key in server["_volumes"].items()}
        addresses = self._addresses.on(server)
        more = {
            "volumes": volumes,
            "public_ips": addresses,
            "public_ip": next(iter(addresses), None),
            "allowed_actions": _allowed(server),
        }
        return shown(server) | more

    def _volume(self, key: str, server: Thing) -> Thing:
        """A volume that is being attached has no state yet."""
        volume: Thing = {"boot": False, "volume_type": "sbs_volume", "id": key, "zone": server["zone"]}
        return volume if key in server["_attaching"] else volume | {"state": "available"}

    def _in(self, zone: str, key: str) -> Thing:
        server = self._world.get("server", key, "instance_server")
        if server["zone"] != zone:
            raise not_found("instance_server", key)
        return server

    def _stock(self, zone: str, type_: str) -> str:
        stock: dict[str, str] = self._world.setting("stock", {})
        return stock.get(f"{zone}/{type_}") or stock.get(f"{zone}/*") or "available"

    def _check_stock(self, zone: str, type_: str) -> None:
        if type_ not in PRODUCTS:
            raise wrong("commercial_type", "not a valid value")
        if self._stock(zone, type_) == "shortage":
            raise out_of_stock(type_)

    def _pass(self, server: Thing, state: str, detail: str, delay: str, then: str) -> None:
        now = self._world.stamp()
        self._world.put("server", server | {"state": state, "state_detail": detail, "modification_date": now})
        self._world.later(delay, then, server["id"])

    def _running(self, key: str) -> None:
        if server := self._world.kinds["server"].get(key):
            server |= {
                "state": "running",
                "state_detail": "booting kernel",
                "modification_date": self._world.stamp(),
                "location": {
                    "zone_id": server["zone"],
                    "platform_id": "14",
                    "cluster_id": "16",
                    "hypervisor_id": "302",
                    "node_id": "47",
                },
            }
            self._world.put("server", server)
            self._machines.start(server, [a["address"] for a in self._addresses.on(server)])

    def _stopped(self, key: str) -> None:
        if server := self._world.kinds["server"].get(key):
            state = server.pop("_rest", "stopped")
            if state == HALTED:
                self._world.put("server", server | {"state": state, "state_detail": state})
            else:
                self._world.put("server", server | {"state": state, "state_detail": "", "location": None})

    def _gone(self, key: str) -> None:
        server = self._world.kinds["server"].get(key)
        if not server:
            return
        for volume in server["_volumes"].values():
            self._blocks.begin_detach(volume)
        self._addresses.detach_all(key)
        self._machines.forget(key)
        self._world.drop("server", key)


def _allowed(server: Thing) -> list[str]:
    """No actions while a volume is being attached."""
    return [] if server["_attaching"] else ALLOWED.get(server["state"], [])


def _check(body: Thing) -> None:
    """Refuse what no recorded client says about a new server, because nobody knows what would happen."""
    absent = [name for name in ("commercial_type", "project") if not body.get(name)]
    if not body.get("image") and not body.get("volumes"):
        absent += ["image", "volumes"]
    if absent:
        raise missing(*absent)
    if unknown := sorted(set(body) - KNOWN):
        raise wrong(unknown[0], "not a valid value")
    for place, volume in (body.get("volumes") or {}).items():
        known = {"id", "volume_type"} if volume.get("id") else {"size", "volume_type", "base_snapshot"}
        if volume.get("base_snapshot") or volume.get("volume_type") != "sbs_volume":
            known.add("name")
        if unknown := sorted(set(volume) - known):
            raise wrong(f"volumes.{place}.{unknown[0]}", "not a valid value")
        if volume.get("size") == 0:
            raise wrong(f"volumes.{place}.size", "not a valid value")
