"""Reads the account: everything that carries our mark, with its price."""

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from butt.clouds import tagging
from butt.clouds.interface import CloudTrouble, Inventory, ResourceKind, Thing
from butt.clouds.scaleway.calls import Blocks, Domains, Instances
from butt.clouds.scaleway.pages import all_of
from butt.clouds.scaleway.products import ADDRESS_MONTH, GB, LIST_PRICES, SNAPSHOT, monthly, storage_prices
from butt.clouds.scaleway.settings import ScalewaySettings
from butt.clouds.scaleway.words import of_server, of_storage

log = logging.getLogger("butt.clouds")

ASK_AGAIN = 600.0
"""Seconds until a missing price is asked for again."""

Roots = dict[str, uuid.UUID | None]
"""The volumes that our servers boot from, each with the person whose server it is."""


class ScalewayReader:
    def __init__(
        self, instances: Instances, blocks: Blocks, domains: Domains, settings: ScalewaySettings
    ) -> None:
        self._instances, self._blocks, self._domains, self._settings = instances, blocks, domains, settings
        self._prices: dict[str, dict[str, Decimal]] = {}
        self._ask_again: dict[str, float] = {}

    def inventory(self, zones: Sequence[str]) -> Inventory:
        things = [thing for zone in zones for thing in self._zone(zone)]
        if self._settings.domain:
            things += self._records()
        return Inventory(tuple(things))

    def prices(self, zone: str) -> dict[str, Decimal]:
        """Euro per month for each type of server, for a GB of each type of volume, and for a GB of a
        snapshot.

        Asked once. If Scaleway does not return a price, resources are listed all the same, and the price is
        asked for again after a while.
        """
        if time.monotonic() >= self._ask_again.get(zone, 0.0):
            self._ask_again[zone] = float("inf")
            self._prices[zone] = (
                LIST_PRICES
                | self._told(zone, self._types)
                | self._told(zone, lambda where: storage_prices(self._blocks, where))
            )
        return self._prices[zone]

    def _types(self, zone: str) -> dict[str, Decimal]:
        types = all_of(self._instances.list_servers_types, "servers", "per_page", zone=zone)
        return {name: monthly(type_) for name, type_ in types.items()}

    def _told(self, zone: str, ask: Callable[[str], dict[str, Decimal]]) -> dict[str, Decimal]:
        try:
            return ask(zone)
        except CloudTrouble as trouble:
            log.warning("%s: Scaleway gives no prices: %s", zone, trouble)
            self._ask_again[zone] = time.monotonic() + ASK_AGAIN
            return {}

    def _zone(self, zone: str) -> Iterator[Thing]:
        """Servers before volumes: a root that was made in between is on a server that we do not see yet, and is in use."""
        prices, roots, addresses = self.prices(zone), Roots(), dict[str, str]()
        project = {"zone": zone, "project": self._settings.project}
        for server in self._ours(self._instances.list_servers, "servers", "per_page", **project):
            if root := (server.volumes or {}).get("0"):
                roots[root.id] = tagging.whose(server.tags)
            addresses |= {ip.id: ip.address for ip in server.public_ips or [] if ip.address}
            yield _server(server, zone, prices)
        for ip in self._ours(self._instances.list_ips, "ips", "per_page", **project):
            yield _address(ip, zone, addresses)
        for group in self._ours(
            self._instances.list_security_groups, "security_groups", "per_page", **project
        ):
            # A group that is `syncing` can be used; what Scaleway refuses meanwhile is tried again.
            yield Thing(
                ResourceKind.GROUP,
                group.id,
                zone,
                tagging.whose(group.tags),
                created=group.creation_date,
                name=group.name,
                said=str(group.state),
            )
        yield from self._storage(zone, prices, roots)

    def _storage(self, zone: str, prices: dict[str, Decimal], roots: Roots) -> Iterator[Thing]:
        project = {"zone": zone, "project_id": self._settings.project, "include_deleted": False}
        for volume in all_of(self._blocks.list_volumes, "volumes", "page_size", **project):
            yield _volume(volume, zone, prices, roots)
        for s in self._ours(self._blocks.list_snapshots, "snapshots", "page_size", **project):
            yield Thing(
                ResourceKind.SNAPSHOT,
                s.id,
                zone,
                tagging.whose(s.tags),
                of_storage(str(s.status)),
                s.created_at,
                size=s.size,
                name=s.name,
                on=s.parent_volume.id if s.parent_volume else "",
                monthly=prices.get(SNAPSHOT, Decimal(0)) * s.size / GB,
                said=str(s.status),
            )

    def records(self) -> list[Any]:
        """All DNS records of the zone, whoever made them."""
        found: list[Any] = all_of(
            self._domains.list_dns_zone_records,
            "records",
            "page_size",
            dns_zone=self._settings.domain,
            name="",
        )
        return found

    def _records(self) -> Iterator[Thing]:
        zone = self._settings.domain
        for r in self.records():
            if (type_ := str(r.type_).upper()) in {"A", "AAAA"}:
                whose = tagging.whose([r.comment or ""])
                yield Thing(ResourceKind.RECORD, r.id, zone, whose, type=type_, address=r.data, name=r.name)

    def _ours(self, fetch: Any, key: str, size: str, **arguments: Any) -> list[Any]:
        """Everything that carries our tag. We look for it ourselves: if a filter of the API did not work as
        we expect, it would hide what exists, and all of it would be made again.
        """
        return [item for item in all_of(fetch, key, size, **arguments) if tagging.OURS in (item.tags or [])]


def _server(server: Any, zone: str, prices: dict[str, Decimal]) -> Thing:
    return Thing(
        ResourceKind.SERVER,
        server.id,
        zone,
        tagging.whose(server.tags),
        of_server(str(server.state), server.allowed_actions or []),
        server.creation_date,
        server.commercial_type,
        name=server.name,
        monthly=prices.get(server.commercial_type, Decimal(0)),
        said=str(server.state),
    )


def _address(ip: Any, zone: str, on_servers: dict[str, str]) -> Thing:
    """For IPv6 a prefix is rented. The address is shown on the server, because it is formed from that
    server's MAC address.
    """
    fourth = str(ip.type_) == "routed_ipv4"
    return Thing(
        ResourceKind.ADDRESS4 if fourth else ResourceKind.ADDRESS6,
        ip.id,
        zone,
        tagging.whose(ip.tags),
        address=ip.address or on_servers.get(ip.id, ""),
        name=ip.prefix or "",
        on=ip.server.id if ip.server else "",
        monthly=ADDRESS_MONTH if fourth else Decimal(0),
        said=str(ip.state),
    )


def _volume(volume: Any, zone: str, prices: dict[str, Decimal], roots: Roots) -> Thing:
    """A new root has no tags yet, and perhaps not the name that we give it: it is recognised by its server.

    A volume without our tags that is on no server of ours is listed as nobody's and unmarked.
    """
    tags, references = volume.tags or [], volume.references or []
    tagged = tagging.OURS in tags
    named = tagging.whose_root(volume.name)
    whose = tagging.whose(tags) if tagged else roots.get(volume.id) or named
    detaching = any(str(r.status) == "detaching" for r in references)
    servers = [r for r in references if r.product_resource_type == "instance_server"]
    return Thing(
        ResourceKind.ROOT if tagging.ROOT in tags or not tagged else ResourceKind.VOLUME,
        volume.id,
        zone,
        whose,
        of_storage(str(volume.status), detaching=detaching),
        volume.created_at,
        volume.type_,
        volume.size,
        name=volume.name,
        on=servers[0].product_resource_id if servers else "",
        used=bool(references or volume.last_detached_at),
        marked=tagged or bool(named),
        monthly=prices.get(volume.type_, Decimal(0)) * volume.size / GB,
        said=str(volume.status),
    )
