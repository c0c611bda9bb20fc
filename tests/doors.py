"""Where a service is reached: a port of this machine, over TLS if there is a proxy in front."""

import socket
import ssl
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Door:
    """`name` is the host in its certificate, which the file `authority` vouches for; without one it is plain HTTP."""

    port: int
    name: str = ""
    authority: str = ""

    @property
    def url(self) -> str:
        return f"https://{self.host}" if self.name else f"http://{self.host}"

    @property
    def host(self) -> str:
        return f"{self.name or '127.0.0.1'}:{self.port}"

    def connects(self, source: str = "127.0.0.1", seconds: float = 20) -> socket.socket:
        """An open connection. Any loopback address works as its `source`."""
        made = socket.create_connection(("127.0.0.1", self.port), seconds, (source, 0))
        if not self.name:
            return made
        try:
            return self._tls.wrap_socket(made, server_hostname=self.name)
        except BaseException:
            made.close()
            raise

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authority)
