"""Flexible addresses of instances: routed IPv4 and IPv6."""

from __future__ import annotations

import ipaddress

from scaleway_standin.answers import Answer, Refusal, Request, missing, not_found, page_of, wrong
from scaleway_standin.world import Thing, World, new_id, shown

POOL4, POOL6 = "198.18.0.0/15", "2001:db8::/32"
"""Reserved for measurements and documents: nothing outside answers there. `--ipv4-pool` gives another."""

GATEWAY4 = "198.18.0.1"
DETACHED: Thing = {"server": None, "state": "detached"}


class Addresses:
    def __init__(self, world: World) -> None:
        self._world = world
        world.happenings["address_attached"] = self._attached

    def create(self, request: Request, zone: str) -> Answer:
        body = request.json()
        if not body.get("project"):
            raise missing("project")
        kind = body.get("type") or "routed_ipv4"
        if kind not in {"routed_ipv4", "routed_ipv6"}:
            raise wrong("type", "routed_ipv4 or routed_ipv6")
        self._world.check_quota("ips", len(self._world.all("ip")))
        number = int(self._world.setting("addresses", 0)) + 1
        self._world.set("addresses", number)
        address, prefix = self._address(kind, number)
        ip = {
            "id": new_id(),
            "address": address,
            "prefix": prefix,
            "reverse": None,
            "server": None,
            "organization": body["project"],
            "project": body["project"],
            "zone": zone,
            "type": kind,
            "state": "detached",
            "tags": body.get("tags") or [],
            "ipam_id": new_id(),
        }
        self._world.put("ip", ip)
        if key := body.get("server"):
            self.attach(ip, self._world.get("server", key, "instance_server"))
        return Answer(201, {"ip": self._shown(ip)})

    def list(self, request: Request, zone: str) -> Answer:
        found = [
            self._shown(ip)
            for ip in self._world.all("ip")
            if ip["zone"] == zone
            and request.tags() <= set(ip["tags"])
            and request.first("project", ip["project"]) == ip["project"]
        ]
        page = page_of(request, found, size_name="per_page", otherwise=50, most=100)
        return Answer(200, {"ips": page}, {"X-Total-Count": str(len(found))})

    def get(self, _: Request, zone: str, key: str) -> Answer:
        return Answer(200, {"ip": self._shown(self._in(zone, key))})

    def update(self, request: Request, zone: str, key: str) -> Answer:
        ip, body = self._in(zone, key), request.json()
        if body.get("tags") is not None:
            ip = self._world.put("ip", ip | {"tags": body["tags"]})
        if "server" in body:
            ip = self._world.put("ip", ip | DETACHED)
            if body["server"]:
                self.attach(ip, self._world.get("server", body["server"], "instance_server"))
        return Answer(200, {"ip": self._shown(self._in(zone, key))})

    def delete(self, _: Request, zone: str, key: str) -> Answer:
        self._in(zone, key)
        self._world.drop("ip", key)
        return Answer(204)

    def free(self, zone: str, key: str) -> Thing:
        ip = self._in(zone, key)
        if ip["server"]:
            raise Refusal(400, "invalid_request_error", "the IP is attached to another server")
        return ip

    def attach(self, ip: Thing, server: Thing) -> None:
        """A running server takes it by DHCP, which is shown as `pending`."""
        pending = server["state"] == "running"
        state = "pending" if pending else "attached"
        self._world.put("ip", ip | {"server": {"id": server["id"], "name": server["name"]}, "state": state})
        if pending:
            self._world.later("attach", "address_attached", ip["id"])

    def _attached(self, key: str) -> None:
        ip = self._world.kinds["ip"].get(key)
        if ip and ip["server"]:
            self._world.put("ip", ip | {"state": "attached"})

    def detach_all(self, server_id: str) -> None:
        for ip in self._world.all("ip"):
            if ip["server"] and ip["server"]["id"] == server_id:
                self._world.put("ip", ip | DETACHED)

    def on(self, server: Thing) -> list[Thing]:
        """The addresses of a server, as the server shows them."""
        return [
            {
                "id": ip["id"],
                "address": ip["address"] or eui64(ip["prefix"], server["mac_address"]),
                "dynamic": False,
                "gateway": GATEWAY4 if ip["address"] else eui64("fe80::/64", _next(server["mac_address"])),
                "netmask": "32" if ip["address"] else "64",
                "family": "inet" if ip["address"] else "inet6",
                "provisioning_mode": "dhcp" if ip["address"] else "slaac",
                "tags": ip["tags"],
                "state": ip["state"],
                "ipam_id": ip["ipam_id"],
            }
            for ip in self._world.all("ip")
            if ip["server"] and ip["server"]["id"] == server["id"]
        ]

    def _address(self, kind: str, number: int) -> tuple[str | None, str | None]:
        """Address and prefix. For IPv6 a prefix is rented; the address within it depends on the server."""
        if kind == "routed_ipv4":
            network = ipaddress.ip_network(self._world.setting("ipv4_pool", POOL4))
            return str(network[number % network.num_addresses]), None
        return None, f"{ipaddress.ip_network(POOL6)[number << 64]}/64"

    def _in(self, zone: str, key: str) -> Thing:
        ip = self._world.get("ip", key, "instance_ip")
        if ip["zone"] != zone:
            raise not_found("instance_ip", key)
        return ip

    def _shown(self, ip: Thing) -> Thing:
        return shown(ip)


def eui64(prefix: str, mac: str) -> str:
    """The address that a machine with this MAC gives itself in the prefix (RFC 4291, appendix A)."""
    parts = [int(part, 16) for part in mac.split(":")]
    host = bytes([parts[0] ^ 2, *parts[1:3], 0xFF, 0xFE, *parts[3:]])
    return str(ipaddress.ip_network(prefix)[int.from_bytes(host)])


def _next(mac: str) -> str:
    return f"{mac[:-2]}{(int(mac[-2:], 16) + 1) % 256:02x}"
