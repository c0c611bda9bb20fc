"""A control plane on a Debian: steps that each know whether they are done, how to do it, and how to take it back."""

NAME = "butt"
"""Of the system user, of its group, and of the role and the database in PostgreSQL."""

HOME = "/var/lib/butt"
"""All data of the service but its database."""

SETTINGS = "/etc/butt/butt.env"
"""The one file of settings, which systemd reads for each part. It has secrets in it, and belongs to root alone."""

SALT = "/opt/butt-salt"
"""Salt's own environment."""

GUIDE = "docs/operate.md tells how to install it by hand."


class InstallError(Exception):
    """Why the installation cannot go on; its text says what happened and what to do."""
