"""What can be rented, as the real API lists it: memory and volumes in bytes, prices in euro, bandwidths in
bits and bytes per second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MIB, GB = 1 << 20, 10**9


@dataclass(frozen=True)
class Product:
    """`local` is the largest sum of local volumes; types that have none use block storage alone."""

    cores: int
    memory: int
    monthly: float
    hourly: float
    local: int
    bandwidth: int
    block_bandwidth: int


PRODUCTS = {
    "DEV1-L": Product(4, 8192 * MIB, 31.2732, 0.04284, 80 * GB, 400_000_000, 209_715_200),
    "DEV1-M": Product(3, 4096 * MIB, 14.74308, 0.020196, 40 * GB, 300_000_000, 157_286_400),
    "DEV1-S": Product(2, 2048 * MIB, 6.55248, 0.008976, 20 * GB, 200_000_000, 104_857_600),
    "DEV1-XL": Product(4, 12288 * MIB, 47.50548, 0.065076, 120 * GB, 500_000_000, 262_144_000),
    "PLAY2-MICRO": Product(4, 8192 * MIB, 40.2084, 0.05508, 0, 400_000_000, 167_772_160),
    "PLAY2-NANO": Product(2, 4096 * MIB, 20.1042, 0.02754, 0, 200_000_000, 83_886_080),
    "PLAY2-PICO": Product(1, 2048 * MIB, 10.4244, 0.01428, 0, 100_000_000, 41_943_040),
    "PRO2-XS": Product(4, 16384 * MIB, 81.906, 0.1122, 0, 700_000_000, 262_144_000),
    "PRO2-XXS": Product(2, 8192 * MIB, 40.953, 0.0561, 0, 350_000_000, 131_072_000),
    "STARDUST1-S": Product(1, 1024 * MIB, 0.438, 0.0006, 10 * GB, 100_000_000, 52_428_800),
}


def shown(product: Product) -> dict[str, Any]:
    local = {"min_size": GB, "max_size": 800 * GB} if product.local else {"min_size": 0, "max_size": 0}
    each = {"internal_bandwidth": product.bandwidth, "internet_bandwidth": product.bandwidth}
    return {
        "alt_names": [],
        "arch": "x86_64",
        "ncpus": product.cores,
        "ram": product.memory,
        "gpu": 0,
        "gpu_info": None,
        "mig_profile": None,
        "volumes_constraint": {"min_size": 0, "max_size": product.local},
        "per_volume_constraint": {"l_ssd": local},
        "scratch_storage_max_size": 0,
        "scratch_storage_max_volumes_count": 0,
        "monthly_price": product.monthly,
        "hourly_price": product.hourly,
        "capabilities": {
            "boot_types": ["local", "rescue"],
            "placement_groups": True,
            "block_storage": True,
            "hot_snapshots_local_volume": bool(product.local),
            "private_network": 8,
            "max_file_systems": 0,
        },
        "network": {
            "ipv6_support": True,
            "sum_internal_bandwidth": product.bandwidth,
            "sum_internet_bandwidth": product.bandwidth,
            "interfaces": [each],
        },
        "block_bandwidth": product.block_bandwidth,
        "end_of_service": False,
    }
