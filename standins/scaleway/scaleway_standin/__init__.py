"""A stand-in for the parts of Scaleway's HTTP API that rent a machine, a volume and a name. See README.md."""

from scaleway_standin.server import Server
from scaleway_standin.standin import ACCESS_KEY, PROJECT, SECRET_KEY, ZONES, StandIn

__all__ = ["ACCESS_KEY", "PROJECT", "SECRET_KEY", "ZONES", "Server", "StandIn"]
