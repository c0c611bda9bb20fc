"""The marketplace's local images: one of each label for each architecture and kind of storage."""

from __future__ import annotations

import uuid

from scaleway_standin.answers import Answer, Request, not_found, page_of
from scaleway_standin.products import PRODUCTS
from scaleway_standin.world import Thing

LABELS = {
    "debian_bookworm": "Debian Bookworm",
    "debian_trixie": "Debian Trixie",
    "ubuntu_noble": "Ubuntu 24.04 Noble Numbat",
}
PUBLISHER = "51b656e3-0000-4000-8000-000000000000"
MADE = "2025-09-12T09:11:41.420846+00:00"
KINDS = (("arm64", "instance_sbs"), ("x86_64", "instance_sbs"), ("x86_64", "instance_local"))
"""As the real list begins: with one that no x86 machine boots."""


def image_id(label: str, arch: str = "x86_64", kind: str = "instance_sbs") -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{label} {arch} {kind}"))


def snapshot_id(label: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{label} snapshot"))


def label_of(key: str) -> str | None:
    """Whether a server of ours can boot this image from block storage."""
    return next((label for label in LABELS if image_id(label) == key), None)


def on_server(label: str, zone: str) -> Thing:
    """An image as a server shows it."""
    return {
        "id": image_id(label),
        "name": LABELS[label],
        "organization": PUBLISHER,
        "project": PUBLISHER,
        "root_volume": {"volume_type": "sbs_snapshot", "id": snapshot_id(label), "size": 0, "name": ""},
        "extra_volumes": {},
        "public": True,
        "arch": "x86_64",
        "creation_date": MADE,
        "modification_date": MADE,
        "default_bootscript": None,
        "from_server": "",
        "state": "available",
        "tags": [],
        "zone": zone,
    }


def local_images(request: Request) -> Answer:
    label, zone = request.first("image_label"), request.first("zone")
    if label not in LABELS:
        raise not_found("MarketplaceImage", label)
    images = [
        {
            "id": image_id(label, arch, kind),
            "arch": arch,
            "zone": zone,
            "compatible_commercial_types": _types(arch, kind),
            "label": label,
            "type": kind,
        }
        for arch, kind in KINDS
        if request.first("type", kind) == kind and request.first("arch", arch) == arch
    ]
    page = page_of(request, images, size_name="page_size", otherwise=50, most=100)
    return Answer(200, {"local_images": page, "total_count": len(images)})


def _types(arch: str, kind: str) -> list[str]:
    if arch == "arm64":
        return ["COPARM1-2C-8G", "BASIC2-A2C-4G"]
    return [name for name, product in PRODUCTS.items() if kind == "instance_sbs" or product.local]
