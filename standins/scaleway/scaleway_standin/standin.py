"""The stand-in as a whole: routes, keys, and the ways to steer it."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from scaleway_standin.access import RIGHTS, Access
from scaleway_standin.addresses import Addresses
from scaleway_standin.answers import Answer, Refusal, Request, Silent, not_found
from scaleway_standin.blocks import Blocks
from scaleway_standin.faults import BadGateway, Faults
from scaleway_standin.groups import Groups
from scaleway_standin.images import local_images
from scaleway_standin.instances import Instances
from scaleway_standin.machines import Machines
from scaleway_standin.names import Names
from scaleway_standin.world import World, shown

ACCESS_KEY = "SCWSTANDIN0000000000"
SECRET_KEY = "57a4d1a0-0000-4000-8000-000000000000"  # noqa: S105 - everybody may know it
PROJECT = "105bdce1-0000-4000-8000-000000000000"
ZONES = ("fr-par-1", "fr-par-2", "nl-ams-1", "pl-waw-1")

Handler = Callable[..., Answer]


class StandIn:
    """`handle` answers one request. State lies in `state`, and survives a restart."""

    def __init__(
        self, state: Path, *, boot: str = "", dns_zones: tuple[str, ...] = (), ipv4_pool: str = ""
    ) -> None:
        self.world = World(state)
        self.faults = Faults()
        self.machines = Machines(self.world, boot)
        blocks, addresses, groups = Blocks(self.world), Addresses(self.world), Groups(self.world)
        self.instances = Instances(self.world, blocks, addresses, groups, self.machines)
        names, access, i = Names(self.world), Access(self.world), self.instances
        with self.world.turn():
            for name, value in (
                ("access_key", ACCESS_KEY),
                ("project", PROJECT),
                ("application", str(uuid.UUID(int=1))),
            ):
                if not self.world.setting(name, ""):
                    self.world.set(name, value)
            if dns_zones:
                self.world.set("dns_zones", list(dns_zones))
            if ipv4_pool:
                self.world.set("ipv4_pool", ipv4_pool)
        instance, block = r"/instance/v1/zones/([^/]+)", r"/block/v1(?:alpha1)?/zones/([^/]+)"
        server, group = rf"{instance}/servers/([^/]+)", rf"{instance}/security_groups/([^/]+)"
        dns = r"/domain/v2beta1/dns-zones"
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = [
            (method, re.compile(pattern), handler)
            for method, pattern, handler in [
                ("GET", rf"{instance}/products/servers", i.types),
                ("GET", rf"{instance}/products/servers/availability", i.availability),
                ("GET", rf"{instance}/servers", i.list),
                ("POST", rf"{instance}/servers", i.create),
                ("GET", server, i.get),
                ("PATCH", server, i.update),
                ("DELETE", server, i.delete),
                ("GET", rf"{server}/action", i.actions),
                ("POST", rf"{server}/action", i.act),
                ("POST", rf"{server}/attach-volume", i.attach_volume),
                ("POST", rf"{server}/detach-volume", i.detach_volume),
                ("GET", rf"{server}/user_data", i.list_user_data),
                ("GET", rf"{server}/user_data/([^/]+)", i.get_user_data),
                ("PATCH", rf"{server}/user_data/([^/]+)", i.set_user_data),
                ("DELETE", rf"{server}/user_data/([^/]+)", i.delete_user_data),
                ("GET", rf"{instance}/ips", addresses.list),
                ("POST", rf"{instance}/ips", addresses.create),
                ("GET", rf"{instance}/ips/([^/]+)", addresses.get),
                ("PATCH", rf"{instance}/ips/([^/]+)", addresses.update),
                ("DELETE", rf"{instance}/ips/([^/]+)", addresses.delete),
                ("GET", rf"{instance}/security_groups", groups.list),
                ("POST", rf"{instance}/security_groups", groups.create),
                ("GET", group, groups.get),
                ("PATCH", group, groups.update),
                ("DELETE", group, groups.delete),
                ("GET", rf"{group}/rules", groups.rules),
                ("PUT", rf"{group}/rules", groups.set_rules),
                ("GET", rf"{block}/volume-types", blocks.types),
                ("GET", rf"{block}/volumes", blocks.list_volumes),
                ("POST", rf"{block}/volumes", blocks.create_volume),
                ("GET", rf"{block}/volumes/([^/]+)", blocks.get_volume),
                ("PATCH", rf"{block}/volumes/([^/]+)", blocks.update_volume),
                ("DELETE", rf"{block}/volumes/([^/]+)", blocks.delete_volume),
                ("GET", rf"{block}/snapshots", blocks.list_snapshots),
                ("POST", rf"{block}/snapshots", blocks.create_snapshot),
                ("GET", rf"{block}/snapshots/([^/]+)", blocks.get_snapshot),
                ("DELETE", rf"{block}/snapshots/([^/]+)", blocks.delete_snapshot),
                ("GET", dns, names.zones),
                ("GET", rf"{dns}/([^/]+)/records", names.records),
                ("PATCH", rf"{dns}/([^/]+)/records", names.change),
                ("GET", r"/marketplace/v2/local-images", local_images),
                ("GET", r"/iam/v1alpha1/api-keys/([^/]+)", access.api_key),
            ]
        ]
        self._disks = blocks.disks
        self._over = threading.Event()
        self._ticking = threading.Thread(target=self._tick, daemon=True)
        self._ticking.start()

    def close(self, *, end_machines: bool = True) -> None:
        self._over.set()
        self._ticking.join()
        if end_machines:
            with self.world.turn():
                self.machines.stop_all()
        self._disks.finish()
        self.world.close()

    def handle(self, request: Request) -> Answer:
        """The answer, including refusals. Raises `Dropped` if there is to be none."""
        try:
            if request.path.startswith("/_standin/"):
                with self.world.turn():
                    return self._steer(request)
            fault = self.faults.choose(request)
            self.faults.before(fault, request)
            with self.world.turn():
                answer = self._route(request)
            self.faults.after(fault)
        except Refusal as refusal:
            return Answer(refusal.status, refusal.body)
        except Silent as silent:
            again = {"Retry-After": "1"} if self.faults.retry_after else {}
            return replace(silent.answer, headers=silent.answer.headers | again)
        except BadGateway as gateway:
            return gateway.answer
        return answer

    def _route(self, request: Request) -> Answer:
        self._check_key(request)
        request = self._forgetting(replace(request, largest_page=int(self.world.setting("largest_page", 0))))
        for method, pattern, handler in self._routes:
            if method == request.method and (found := pattern.fullmatch(request.path)):
                if "/zones/" in request.path and found[1] not in ZONES:
                    raise not_found("zone", found[1])
                return handler(request, *found.groups())
        raise Refusal(
            404,
            "not_found",
            f"the stand-in has no {request.method} {request.path}",
            resource="",
            resource_id="",
        )

    def _forgetting(self, request: Request) -> Request:
        """Without the fields that are to be left out, because the real API may leave them out too."""
        for rule in self.world.setting("forget", []):
            if rule["method"] == request.method and re.search(rule["path"], request.path):
                body = json.dumps(_without(request.json(), rule["field"])).encode()
                request = replace(request, body=body)
        return request

    def _check_key(self, request: Request) -> None:
        if request.headers.get("x-auth-token") != SECRET_KEY:
            raise Refusal(
                401, "denied_authentication", "authentication is denied", method="api_key", reason="not_found"
            )
        for prefix, (right, resource) in RIGHTS.items():
            if request.path.startswith(prefix) and right in self.world.setting("missing_rights", []):
                details = [{"action": "read" if request.method == "GET" else "write", "resource": resource}]
                raise Refusal(403, "permissions_denied", "insufficient permissions", details=details)

    def _steer(self, request: Request) -> Answer:
        what, wish = request.path.removeprefix("/_standin/"), request.json()
        if request.method == "GET" and what == "state":
            kinds = ("server", "volume", "snapshot", "ip", "group", "record")
            return Answer(200, {kind: [shown(thing) for thing in self.world.all(kind)] for kind in kinds})
        if request.method == "GET" and what == "calls":
            return Answer(200, {"calls": dict(self.faults.calls), "struck": dict(self.faults.struck)})
        steering: dict[str, Callable[[dict[str, Any]], None]] = {
            "faults": self.faults.steer,
            "calm": lambda _: self.faults.clear(),
            "limit": self.faults.limit,
            "delays": lambda w: self.world.set("delays", {**self.world.setting("delays", {}), **w}),
            "stock": lambda w: self.world.set("stock", {**self.world.setting("stock", {}), **w}),
            "forget": lambda w: self.world.set("forget", w.get("rules", [])),
            "pages": lambda w: self.world.set("largest_page", int(w.get("most", 0))),
            "quotas": lambda w: self.world.set("quotas", w),
            "rights": lambda w: self.world.set("missing_rights", w.get("missing", [])),
            "dns": lambda w: self.world.set("dns_zones", w.get("zones", [])),
            "key": lambda w: self.world.set("key_expires", w.get("expires_at")),
            "clock": lambda w: self.world.set(
                "clock", self.world.setting("clock", 0.0) + float(w.get("advance", 0))
            ),
            "destroy": lambda w: self.instances.destroy(w.get("server", ""), w.get("volume", "")),
        }
        if request.method != "POST" or what not in steering:
            raise Refusal(
                404, "not_found", f"steer with POST of {', '.join(sorted(steering))}, or GET state or calls"
            )
        steering[what](wish)
        return Answer(200, {})

    def _tick(self) -> None:
        """Machines also boot and stop when nobody asks about them."""
        while not self._over.wait(0.1):
            self.world.settle()


def _without(value: Any, field: str) -> Any:
    """The same without the fields of that name, at any depth."""
    if isinstance(value, dict):
        return {name: _without(inner, field) for name, inner in value.items() if name != field}
    return [_without(inner, field) for inner in value] if isinstance(value, list) else value
