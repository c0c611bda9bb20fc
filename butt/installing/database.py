"""The service's role and database in PostgreSQL."""

from dataclasses import dataclass

from butt.installing import NAME
from butt.installing.system import System

ADMIN = "postgres"
ROLES = "SELECT rolname FROM pg_roles"
OWNED = "SELECT datname || ' of ' || rolname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba"


@dataclass(frozen=True)
class Database:
    """PostgreSQL lets the system user in as the role of the same name, over a socket: there is no password to lose."""

    system: System
    what: str = f"The database {NAME} is there, and belongs to the role {NAME}"

    def is_done(self) -> bool:
        return f"{NAME} of {NAME}" in self._rows(OWNED)

    def do(self) -> None:
        self.system.run("systemctl", "enable", "--now", "postgresql")
        if NAME not in self._rows(ROLES):
            self.system.run("createuser", NAME, user=ADMIN)
        if self.is_done():
            return
        # On a bare system the server itself was created for ASCII.
        options = ("--template=template0", "--encoding=UTF8", "--locale=C.UTF-8")
        self.system.run("createdb", f"--owner={NAME}", *options, NAME, user=ADMIN)

    def undo(self) -> str:
        if not self.is_done():
            return ""
        return f"stays; to remove it for good: runuser -u {ADMIN} -- dropdb {NAME}, then runuser -u {ADMIN} -- dropuser {NAME}"

    def _rows(self, query: str) -> list[str]:
        command = ("psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", query, ADMIN)
        return self.system.says(*command, user=ADMIN).splitlines()
