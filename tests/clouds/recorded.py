"""What the product reads in each exchange that the real API had: one line for each.

`python -m tests.clouds.recorded ALL.jsonl` prints them for a file of exchanges; `readings.txt` holds those of
the exchanges that come with the stand-in, checked by a person.
"""

import json
import sys
from collections.abc import Callable
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr
from scaleway.instance.v1 import IpType, ServerAction
from scaleway_standin import ACCESS_KEY, PROJECT, SECRET_KEY
from scaleway_standin.recordings import Exchange, load

from butt.clouds.interface import CloudTrouble, Thing
from butt.clouds.pace import Pace
from butt.clouds.scaleway import Scaleway, products, reader
from butt.clouds.scaleway.calls import Bounds, client_of
from butt.clouds.scaleway.pages import all_of
from butt.clouds.scaleway.settings import ScalewaySettings

ZONE, ID = "fr-par-1", "00000000-0000-4000-8000-000000000000"
PRICES = {"DEV1-S": Decimal("6.55"), "sbs_5k": Decimal("0.086"), "sbs_15k": Decimal("0.129")}


class Replay(ThreadingHTTPServer):
    """Answers every call with one exchange's answer; for a list, the first page holds all of it."""

    daemon_threads = True
    exchange: Exchange

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        settings = ScalewaySettings(
            access_key=ACCESS_KEY,
            secret_key=SecretStr(SECRET_KEY),
            project=PROJECT,
            url=f"http://127.0.0.1:{self.server_address[1]}",
        )
        bounds = Bounds(Pace(1e6), 10, first_pause=0.001)
        self.cloud = Scaleway(client_of(settings), bounds, settings, range(8100, 9000))

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def reading(self, exchange: Exchange) -> str:
        """What the product reads in it, as one line."""
        self.exchange = exchange
        read = READINGS.get(exchange.call, _unused)
        try:
            made = read(self.cloud, exchange)
        except CloudTrouble as trouble:
            made = f"{type(trouble).__name__}: {trouble}"
        return f"{exchange.call} {exchange.status}: {made}"


class _Handler(BaseHTTPRequestHandler):
    server: Replay

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        exchange, page = self.server.exchange, parse_qs(urlsplit(self.path).query).get("page", ["1"])[0]
        body = exchange.body
        if page != "1" and isinstance(body, dict):
            body = {
                name: type(value)() if isinstance(value, (list, dict)) else value
                for name, value in body.items()
            }
            body.pop("total_count", None)
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(exchange.status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if exchange.status != 204:
            self.wfile.write(text)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Each call would be a line."""


def _thing(thing: Thing) -> str:
    parts = [
        thing.kind if thing.marked else "a volume that bears no mark",
        thing.name,
        f"is {thing.condition}" + (f" (“{thing.said}”)" if thing.said else ""),
        f"a {thing.type}" if thing.type else "",
        f"{thing.size / 1e9:.0f} GB" if thing.size else "",
        f"at {thing.address}" if thing.address else "",
        f"on {thing.on[:8]}" if thing.on else "",
        "used" if thing.used else "",
        f"{thing.monthly:.2f} €" if thing.monthly else "",
    ]
    return ", ".join(part for part in parts if part)


def _server(server: Any) -> str:
    addresses = " ".join(ip.address for ip in server.public_ips if ip.address) or "no address"
    root = (server.volumes or {}).get("0")
    from_ = f"root {root.id[:8]}" if root else "no root"
    return f"{_thing(reader._server(server, ZONE, PRICES))}; {addresses}; {from_}"


def _ip(ip: Any) -> str:
    return _thing(reader._address(ip, ZONE, {}))


def _group(group: Any) -> str:
    return f"{group.name}, {group.state}, {group.inbound_default_policy} in"


def _volume(volume: Any) -> str:
    return _thing(reader._volume(volume, ZONE, PRICES, {}))


def _snapshot(snapshot: Any) -> str:
    on = snapshot.parent_volume.id[:8] if snapshot.parent_volume else "nothing"
    return f"{snapshot.name}, {reader.of_storage(str(snapshot.status))} (“{snapshot.status}”), {snapshot.size / 1e9:.0f} GB of {on}"


def _record(record: Any) -> str:
    return f"{record.name or '@'} {record.type_} {record.data}"


def _rule(rule: Any) -> str:
    ports = f"{rule.dest_port_from or 'all'}-{rule.dest_port_to or rule.dest_port_from or 'all'}"
    return f"{rule.action} {rule.direction} {rule.protocol} {rule.ip_range} {ports}"


def _all(each: Callable[[Any], str], found: Any) -> str:
    return " | ".join(map(each, found)) or "nothing"


def _types(cloud: Scaleway, _: Exchange) -> str:
    types = all_of(cloud._instances.list_servers_types, "servers", "per_page", zone=ZONE)
    return _all(
        lambda item: (
            f"{item[0]} {item[1].ram >> 20} MiB {products.monthly(item[1]):.2f} €"
            + ("" if products.fits(item[1]) else " does not fit")
        ),
        types.items(),
    )


def _availability(cloud: Scaleway, _: Exchange) -> str:
    stock = all_of(cloud._instances.get_server_types_availability, "servers", "per_page", zone=ZONE)
    return _all(
        lambda item: f"{item[0]} {'is there' if products._is_there(item[1]) else 'is not there'}",
        stock.items(),
    )


def _image(cloud: Scaleway, _: Exchange) -> str:
    cloud._known_images.clear()
    image = cloud._image(ZONE)
    ours = [name for name in cloud._settings.types.split() if name in image.compatible_commercial_types]
    return f"{image.label} {image.arch} {image.type_} {image.id[:8]} runs on {', '.join(ours)}"


def _unused(cloud: Scaleway, exchange: Exchange) -> str:
    """A call that we do not make: its answer is read like any other."""
    cloud._instances._request(exchange.method, urlsplit(exchange.url).path)
    return "read, not used"


def _calls(path: str, /, **given: Any) -> Callable[[Scaleway, Exchange], str]:
    api, call, *rest = path.split(".")

    def read(cloud: Scaleway, _: Exchange) -> str:
        answer = getattr(getattr(cloud, f"_{api}"), call)(zone=ZONE, **given)
        for part in rest[:-1]:
            answer = getattr(answer, part)
        return _EACH[rest[-1]](answer) if rest else "done"

    return read


def _lists(path: str, key: str, size: str, each: Callable[[Any], str], /, **given: Any) -> Any:
    api, call = path.split(".")

    def read(cloud: Scaleway, _: Exchange) -> str:
        return _all(each, all_of(getattr(getattr(cloud, f"_{api}"), call), key, size, **given))

    return read


_EACH: dict[str, Callable[[Any], str]] = {
    "server": _server,
    "ip": _ip,
    "group": _group,
    "volume": _volume,
    "snapshot": _snapshot,
    "task": lambda task: f"{task.description}, {task.status}",
    "rules": lambda rules: _all(_rule, rules),
    "rule": _rule,
    "text": lambda answer: repr(answer.text[:40]),
    "key": lambda key: f"ends {key.expires_at or 'never'}",
}
_GROUP = {"name": "x", "description": "x", "stateful": True}
READINGS: dict[str, Callable[[Scaleway, Exchange], str]] = {
    "GET servers": _lists("instances.list_servers", "servers", "per_page", _server, zone=ZONE),
    "POST servers": _calls("instances._create_server.server.server", commercial_type="x", protected=False),
    "GET server": _calls("instances.get_server.server.server", server_id=ID),
    "PATCH server": _calls("instances._update_server.server.server", server_id=ID),
    "DELETE server": _calls("instances.delete_server", server_id=ID),
    "POST action": _calls("instances.server_action.task.task", server_id=ID, action=ServerAction.POWERON),
    "POST attach-volume": _calls("instances.attach_server_volume.server.server", server_id=ID, volume_id=ID),
    "GET user-data": _calls("instances.get_server_user_data.text", server_id=ID, key="x"),
    "PATCH user-data": _calls("instances.set_server_user_data", server_id=ID, key="x", content=b""),
    "GET ips": _lists("instances.list_ips", "ips", "per_page", _ip, zone=ZONE),
    "POST ips": _calls("instances.create_ip.ip.ip", type_=IpType.ROUTED_IPV4),
    "GET ip": _calls("instances.get_ip.ip.ip", ip=ID),
    "PATCH ip": _calls("instances.update_ip.ip.ip", ip=ID),
    "DELETE ip": _calls("instances.delete_ip", ip=ID),
    "GET security-groups": _lists(
        "instances.list_security_groups", "security_groups", "per_page", _group, zone=ZONE
    ),
    "POST security-groups": _calls("instances.create_security_group.security_group.group", **_GROUP),
    "GET security-group": _calls("instances.get_security_group.security_group.group", security_group_id=ID),
    "PATCH security-group": _calls(
        "instances.update_security_group.security_group.group", security_group_id=ID
    ),
    "DELETE security-group": _calls("instances.delete_security_group", security_group_id=ID),
    "GET rules": _calls("instances.list_security_group_rules.rules.rules", security_group_id=ID),
    "PUT rules": _calls("instances.set_security_group_rules.rules.rules", security_group_id=ID, rules=[]),
    "GET types": _types,
    "GET availability": _availability,
    "GET volumes": _lists(
        "blocks.list_volumes", "volumes", "page_size", _volume, zone=ZONE, include_deleted=False
    ),
    "POST volumes": _calls("blocks.create_volume.volume", name="x"),
    "GET volume": _calls("blocks.get_volume.volume", volume_id=ID),
    "PATCH volume": _calls("blocks.update_volume.volume", volume_id=ID),
    "DELETE volume": _calls("blocks.delete_volume", volume_id=ID),
    "GET snapshots": _lists(
        "blocks.list_snapshots", "snapshots", "page_size", _snapshot, zone=ZONE, include_deleted=False
    ),
    "POST snapshots": _calls("blocks.create_snapshot.snapshot", volume_id=ID, public=False),
    "GET snapshot": _calls("blocks.get_snapshot.snapshot", snapshot_id=ID),
    "DELETE snapshot": _calls("blocks.delete_snapshot", snapshot_id=ID),
    "GET records": _lists(
        "domains.list_dns_zone_records", "records", "page_size", _record, dns_zone="x.org", name=""
    ),
    "PATCH records": lambda cloud, _: _all(
        _record,
        cloud._domains.update_dns_zone_records(
            dns_zone="x.org", changes=[], disallow_new_zone_creation=True
        ).records,
    ),
    "GET local-images": _image,
    "GET api-key": lambda cloud, _: _EACH["key"](cloud._keys.get_api_key(access_key=ACCESS_KEY)),
}


def readings(exchanges: list[Exchange]) -> list[str]:
    with Replay() as replay:
        return [replay.reading(exchange) for exchange in exchanges]


if __name__ == "__main__":
    sys.stdout.write("\n".join(readings(load(Path(sys.argv[1])))) + "\n")
