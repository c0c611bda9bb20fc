"""What IAM v1alpha1 says about a key, and which permission set opens which API."""

from __future__ import annotations

from scaleway_standin.answers import Answer, Request, not_found
from scaleway_standin.world import World, stamp_z

RIGHTS = {
    "/instance/": ("InstancesFullAccess", "instance"),
    "/block/": ("BlockStorageFullAccess", "volume"),
    "/domain/": ("DomainsDNSFullAccess", "dns_zone"),
    "/iam/": ("IAMReadOnly", "access_key"),
}
"""The permission set of each API, and what a refusal names as its resource."""


class Access:
    def __init__(self, world: World) -> None:
        self._world = world

    def api_key(self, _: Request, key: str) -> Answer:
        if key != self._world.setting("access_key", ""):
            raise not_found("access_key", key)
        now = stamp_z(self._world.now())
        return Answer(
            200,
            {
                "access_key": key,
                "secret_key": None,
                "description": "of the stand-in",
                "created_at": now,
                "updated_at": now,
                "expires_at": self._world.setting("key_expires", None),
                "default_project_id": self._world.setting("project", ""),
                "editable": True,
                "deletable": True,
                "managed": False,
                "creation_ip": "127.0.0.1",
                "application_id": self._world.setting("application", ""),
            },
        )
