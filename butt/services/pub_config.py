"""The configuration of a pub, as `packages/scuttlekit/PUB.md` describes it."""

from collections.abc import Mapping
from typing import Any


def pub_config(order: Mapping[str, Any]) -> dict[str, Any]:
    """All but `path` and `host`, which the host adds, since it knows where the pub runs.

    `order` has the fields of `butt.hosts.interface.Order`; one that was written by an earlier release may lack some.
    """
    network, hops = order.get("network"), order.get("hops")
    return {
        "port": order["port"],
        "external": order["address"],
        "master": list(order["masters"]),
        "launch": order["launch"],
        "sequence": order["sequence"],
        # Left out when not needed: older releases of the pub do not know these fields, and other pubs have the same defaults.
        **({"catchUp": True} if order.get("catch_up") else {}),
        **({"caps": {"shs": network}} if network else {}),
        **({"hops": hops} if hops is not None else {}),
        **({"revoked": list(order["revoked"])} if order.get("revoked") else {}),
    }
