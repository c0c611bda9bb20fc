"""The configuration of a pub on this machine, as `packages/scuttlekit/PUB.md` describes it."""

from typing import Any

from butt.hosts.interface import Folder, Order


def pub_config(order: Order, folder: Folder) -> dict[str, Any]:
    return {
        "path": str(folder.data),
        "host": order.bind,
        "port": order.port,
        "external": order.address,
        "master": list(order.masters),
        "launch": order.launch,
        "sequence": order.sequence,
        # Left out when not needed: older releases do not know it.
        **({"catchUp": True} if order.catch_up else {}),
        # Left out for the main network, which older releases and other pubs use by default.
        **({"caps": {"shs": order.network}} if order.network else {}),
        **({"hops": order.hops} if order.hops is not None else {}),
        # Left out when empty: a release that does not know the field has no invites to revoke.
        **({"revoked": list(order.revoked)} if order.revoked else {}),
    }
