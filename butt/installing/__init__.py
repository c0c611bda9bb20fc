"""Installs a control plane on Debian: steps that know whether they are done, how to do it, and how to undo
it.
"""

from butt.trouble import Trouble

NAME = "butt"
"""The name of the system user, its group, and the role and database in PostgreSQL."""

HOME = "/var/lib/butt"
"""All data of the service except its database."""

SETTINGS = "/etc/butt/butt.env"
"""The one settings file, which systemd reads for each part. It contains secrets, and only root can read it."""

SALT = "/opt/butt-salt"
"""The environment that Salt is installed in."""

GUIDE = "docs/operate.md tells how to install it by hand."


class InstallError(Trouble):
    """Why the installation cannot continue; the text says what happened and what to do."""
