"""What `butt doctor --cloud scaleway` checks on a real account: the key, its rights, the image, the types,
the DNS zone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scaleway.iam.v1alpha1 import APIKey
from scaleway.marketplace.v2 import LocalImage

from butt.clouds.interface import KEY_ENDS_SOON, Access, CloudTrouble, Right
from butt.clouds.scaleway.calls import Blocks, Domains, Instances, Keys
from butt.clouds.scaleway.pages import all_of
from butt.clouds.scaleway.products import fits
from butt.clouds.scaleway.settings import ScalewaySettings

RENEW = (
    "Make a new key in Scaleway's console, set BUTT_SCALEWAY_ACCESS_KEY and BUTT_SCALEWAY_SECRET_KEY, and restart the "
    "steward."
)


@dataclass(frozen=True)
class ScalewayApis:
    """The APIs that are asked; `image` finds the image of a zone."""

    instances: Instances
    blocks: Blocks
    domains: Domains
    keys: Keys
    image: Callable[[str], LocalImage]


def rights(settings: ScalewaySettings, asked: ScalewayApis) -> Iterator[Right]:
    """Nothing is made or changed. Whether the key may write can only be seen from IAM, and when the first
    machine is made.
    """
    yield from _key(settings, asked.keys)
    project = settings.project
    for zone in settings.zones.split():
        for what, permission, ask in (
            (
                "Instances",
                "InstancesFullAccess",
                lambda z=zone: asked.instances.list_servers(zone=z, project=project, per_page=1),
            ),
            (
                "Block Storage",
                "BlockStorageFullAccess",
                lambda z=zone: asked.blocks.list_volumes(
                    zone=z, project_id=project, page_size=1, include_deleted=False
                ),
            ),
        ):
            yield _asked(f"{what} in {zone} can be read.", f"Give the key's policy {permission}.", ask)
        yield from _market(settings, zone, asked)
    if domain := settings.domain:
        yield _asked(
            f"The DNS zone {domain} can be read.",
            "Give the key's policy DomainsDNSFullAccess, and check BUTT_SCALEWAY_DOMAIN.",
            lambda: asked.domains.list_dns_zone_records(dns_zone=domain, name="", page_size=1),
        )


def access_of(key: APIKey) -> Access:
    return Access(key.expires_at, RENEW)


def _key(settings: ScalewaySettings, keys: Keys) -> Iterator[Right]:
    try:
        key = keys.get_api_key(access_key=settings.access_key)
    except CloudTrouble as trouble:
        yield Right(
            f"We cannot read the API key's own record: {trouble}",
            "Check the keys; give its policy IAMReadOnly.",
        )
        return
    end = key.expires_at
    if end and end < datetime.now(UTC) + KEY_ENDS_SOON:
        yield Right(
            f"The API key expires on {end:%Y-%m-%d}. After that, no machine can be made, repaired or removed.",
            RENEW,
        )
    else:
        yield Right("The API key is valid and does not expire soon.")
    if key.default_project_id != settings.project:
        yield Right("The key's default project is not BUTT_SCALEWAY_PROJECT. That may be intended.")


def _market(settings: ScalewaySettings, zone: str, asked: ScalewayApis) -> Iterator[Right]:
    yield _asked(
        f"The image {settings.image} exists in {zone}.",
        "Set BUTT_SCALEWAY_IMAGE, or leave the zone out of BUTT_SCALEWAY_ZONES.",
        lambda: asked.image(zone),
    )

    types_or_zones = "Set BUTT_SCALEWAY_TYPES or BUTT_SCALEWAY_ZONES."

    def some() -> None:
        types = all_of(asked.instances.list_servers_types, "servers", "per_page", zone=zone)
        if not [name for name in settings.types.split() if name in types and fits(types[name])]:
            raise CloudTrouble("Scaleway offers none of them.", types_or_zones)

    yield _asked(
        f"{zone} has at least one of the types in BUTT_SCALEWAY_TYPES.",
        types_or_zones,
        some,
    )


def _asked(well: str, mend: str, ask: Callable[[], Any]) -> Right:
    try:
        ask()
    except CloudTrouble as trouble:
        return Right(f"Not true: {well} {trouble}", mend)
    return Right(well)
