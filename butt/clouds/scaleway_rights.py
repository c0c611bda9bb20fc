"""What `butt doctor --cloud scaleway` asks a real account: the key, its rights, the image, the types, the DNS zone."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from butt.clouds.calls import Blocks, Domains, Images, Instances, Keys
from butt.clouds.interface import CloudTrouble, Right
from butt.configuration import Configuration

SOON = timedelta(days=14)


def rights(
    settings: Configuration,
    *,
    instances: Instances,
    blocks: Blocks,
    domains: Domains,
    images: Images,
    keys: Keys,
) -> Iterator[Right]:
    """Nothing is made or changed: that the key may write shows only in what IAM says, and in the first machine."""
    yield from _key(settings, keys)
    project = settings.scaleway_project
    for zone in settings.scaleway_zones.split():
        for what, permission, ask in (
            (
                "Instances",
                "InstancesFullAccess",
                lambda z=zone: instances.list_servers(zone=z, project=project, per_page=1),
            ),
            (
                "Block Storage",
                "BlockStorageFullAccess",
                lambda z=zone: blocks.list_volumes(
                    zone=z, project_id=project, page_size=1, include_deleted=False
                ),
            ),
        ):
            yield _asked(f"{what} in {zone} can be read.", f"Give the key's policy {permission}", ask)
        yield from _market(settings, zone, instances, images)
    if domain := settings.scaleway_domain:
        yield _asked(
            f"The DNS zone {domain} can be read.",
            "Give the key's policy DomainsDNSFullAccess, and check BUTT_SCALEWAY_DOMAIN",
            lambda: domains.list_dns_zone_records(dns_zone=domain, name="", page_size=1),
        )


def _key(settings: Configuration, keys: Keys) -> Iterator[Right]:
    try:
        key = keys.get_api_key(access_key=settings.scaleway_access_key)
    except CloudTrouble as trouble:
        yield Right(
            f"The API key does not tell of itself: {trouble}", "Check the keys; give its policy IAMReadOnly."
        )
        return
    if key.expires_at and key.expires_at < datetime.now(UTC) + SOON:
        yield Right(
            f"The API key ends on {key.expires_at:%Y-%m-%d}.", "Make another and set BUTT_SCALEWAY_*_KEY."
        )
    else:
        yield Right("The API key is known and does not end soon.")
    if key.default_project_id != settings.scaleway_project:
        yield Right(
            "The key's default project is another than BUTT_SCALEWAY_PROJECT; that may be as you want it."
        )


def _market(settings: Configuration, zone: str, instances: Instances, images: Images) -> Iterator[Right]:
    label = settings.scaleway_image
    yield _asked(
        f"The image {label} is there in {zone}.",
        "Set BUTT_SCALEWAY_IMAGE",
        lambda: _some(images.list_local_images(image_label=label, zone=zone).local_images),
    )
    allowed = settings.scaleway_types.split()
    yield _asked(
        f"Types of BUTT_SCALEWAY_TYPES are to be had in {zone}.",
        "Set BUTT_SCALEWAY_TYPES or BUTT_SCALEWAY_ZONES",
        lambda: _some(set(allowed) & set(instances.list_servers_types(zone=zone, per_page=100).servers)),
    )


def _some(found: Any) -> None:
    if not found:
        raise CloudTrouble("Scaleway has none.")


def _asked(well: str, mend: str, ask: Callable[[], Any]) -> Right:
    try:
        ask()
    except CloudTrouble as trouble:
        return Right(f"Not so: {well} {trouble}", f"{mend}.")
    return Right(well)
