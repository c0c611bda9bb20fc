"""Reading the account: everything that bears our mark, with what it costs."""

import uuid
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from butt.clouds import marks
from butt.clouds.calls import Blocks, Domains, Instances
from butt.clouds.interface import Account, CloudTrouble, Kind, Thing
from butt.clouds.scaleway_types import HOURS, by_type, monthly
from butt.configuration import Configuration

PAGE, MOST_PAGES = 100, 200
GB = Decimal(10**9)

ADDRESS_MONTH = Decimal("2.92")
"""No call tells the price of a flexible IPv4 address: it is that of the price list, 0.004 euro an hour."""


class Reader:
    def __init__(
        self, instances: Instances, blocks: Blocks, domains: Domains, settings: Configuration
    ) -> None:
        self._instances, self._blocks, self._domains, self._settings = instances, blocks, domains, settings
        self._prices: dict[str, dict[str, Decimal]] = {}

    def account(self, zones: Sequence[str]) -> Account:
        things = [thing for zone in zones for thing in self._zone(zone)]
        if self._settings.scaleway_domain:
            things += self._records()
        return Account(tuple(things))

    def _zone(self, zone: str) -> Iterator[Thing]:
        """Servers before volumes: a root that was made in between is on a server that we do not see yet, and is in use."""
        prices, roots = self._priced(zone), {}
        project = {"zone": zone, "project": self._settings.scaleway_project}
        for s in self._ours(self._instances.list_servers, "servers", "per_page", **project):
            if root := (s.volumes or {}).get("0"):
                roots[root.id] = marks.whose(s.tags)
            yield Thing(
                Kind.SERVER,
                s.id,
                zone,
                marks.whose(s.tags),
                str(s.state),
                s.creation_date,
                s.commercial_type,
                name=s.name,
                monthly=prices.get(s.commercial_type, Decimal(0)),
            )
        for ip in self._ours(self._instances.list_ips, "ips", "per_page", **project):
            fourth = str(ip.type_) == "routed_ipv4"
            yield Thing(
                Kind.ADDRESS4 if fourth else Kind.ADDRESS6,
                ip.id,
                zone,
                marks.whose(ip.tags),
                str(ip.state),
                address=ip.address,
                on=ip.server.id if ip.server else "",
                monthly=ADDRESS_MONTH if fourth else Decimal(0),
            )
        for g in self._ours(self._instances.list_security_groups, "security_groups", "per_page", **project):
            yield Thing(
                Kind.GROUP, g.id, zone, marks.whose(g.tags), str(g.state), g.creation_date, name=g.name
            )
        yield from self._storage(zone, prices, roots)

    def _storage(
        self, zone: str, prices: dict[str, Decimal], roots: dict[str, uuid.UUID | None]
    ) -> Iterator[Thing]:
        """A new root has no tags yet, and perhaps another name than we gave it: `roots` are on servers of ours."""
        project = {"zone": zone, "project_id": self._settings.scaleway_project}
        volumes = self._pages(
            self._blocks.list_volumes, "volumes", "page_size", include_deleted=False, **project
        )
        for v in volumes:
            tagged = marks.OURS in v.tags
            root = marks.ROOT in v.tags or (not tagged and (v.id in roots or bool(marks.whose_root(v.name))))
            if not root and not tagged:
                continue
            detaching = any(str(r.status) == "detaching" for r in v.references)
            servers = [r for r in v.references if r.product_resource_type == "instance_server"]
            yield Thing(
                Kind.ROOT if root else Kind.VOLUME,
                v.id,
                zone,
                marks.whose(v.tags) or (roots.get(v.id) or marks.whose_root(v.name) if root else None),
                "detaching" if detaching else str(v.status),
                v.created_at,
                v.type_,
                v.size,
                name=v.name,
                on=servers[0].product_resource_id if servers else "",
                used=bool(v.references or v.last_detached_at),
                marked=tagged,
                monthly=prices.get(v.type_, Decimal(0)) * v.size / GB,
            )
        snapshots = self._ours(
            self._blocks.list_snapshots,
            "snapshots",
            "page_size",
            include_deleted=False,
            **project,
        )
        for s in snapshots:
            yield Thing(
                Kind.SNAPSHOT,
                s.id,
                zone,
                marks.whose(s.tags),
                str(s.status),
                s.created_at,
                size=s.size,
                name=s.name,
                on=s.parent_volume.id if s.parent_volume else "",
                monthly=prices.get("snapshot", Decimal(0)) * s.size / GB,
            )

    def _records(self) -> Iterator[Thing]:
        zone = self._settings.scaleway_domain
        for r in self._pages(
            self._domains.list_dns_zone_records, "records", "page_size", dns_zone=zone, name=""
        ):
            if (type_ := str(r.type_).upper()) in {"A", "AAAA"}:
                whose = marks.whose([r.comment or ""])
                yield Thing(Kind.RECORD, r.id, zone, whose, type=type_, address=r.data, name=r.name)

    def _priced(self, zone: str) -> dict[str, Decimal]:
        """Euro a month of each type of server, and of a GB of each type of volume. Asked once."""
        if zone not in self._prices:
            types = by_type(self._instances.list_servers_types, zone)
            found = {name: monthly(type_) for name, type_ in types.items()}
            for kind in self._blocks.list_volume_types(zone=zone, page_size=PAGE).volume_types:
                found[kind.type_] = _money(kind.pricing) * HOURS
                found["snapshot"] = _money(kind.snapshot_pricing) * HOURS
            self._prices[zone] = found
        return self._prices[zone]

    def _ours(self, fetch: Any, key: str, size: str, **arguments: Any) -> list[Any]:
        """What bears our tag. We look for it ourselves: a filter that works otherwise than we think would hide what
        is there, and all of it would be made again.
        """
        return [item for item in self._pages(fetch, key, size, **arguments) if marks.OURS in item.tags]

    def _pages(self, fetch: Any, key: str, size: str, **arguments: Any) -> list[Any]:
        """All of it, or trouble: something left out would be made again."""
        found: dict[str, Any] = {}
        for page in range(1, MOST_PAGES + 1):
            answer = fetch(page=page, **{size: PAGE}, **arguments)
            found |= {item.id: item for item in getattr(answer, key)}
            if len(getattr(answer, key)) < PAGE:
                return list(found.values())
        raise CloudTrouble(f"Scaleway lists more than {MOST_PAGES * PAGE} {key}.")


def _money(given: Any) -> Decimal:
    return Decimal(given.units) + Decimal(given.nanos) / 10**9 if given else Decimal(0)
