"""Files that come with the service: the pub's source, Salt's files, units and templates for production.

Each but `schema.sql` is a symbolic link to its one place in the repository. A wheel has the files themselves.
"""

from pathlib import Path

_HERE = Path(__file__).parent

PUB_SOURCE = (_HERE / "pub").resolve()
"""The source of the pub that comes with the service."""

SALT = (_HERE / "salt").resolve()
"""What Salt runs: the external pillar, the states and functions of machines, and its configuration."""

SALT_LOCK = (_HERE / "salt.txt").resolve()
"""The lockfile of Salt's own environment."""

DEPLOY = (_HERE / "deploy").resolve()
"""What production is set up with: systemd units, Caddy's configuration, and the container image."""

SCHEMA = _HERE / "schema.sql"
"""What makes a new SQLite database with all migrations applied."""
