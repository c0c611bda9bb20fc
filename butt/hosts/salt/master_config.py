"""The Salt master's configuration: the file that comes with the service, with this service's own settings
filled in.
"""

import json
import os
import pwd

from butt.configuration import Configuration
from butt.hosts.salt.calls import STATES

TEMPLATE = STATES / "master.conf"
HOME, CODE, PRIVATE, USER = "/var/lib/butt", "/srv/butt/salt", "http://127.0.0.1:8001", "user: butt"
"""The values in that file which this service's own settings replace."""

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # nosec B104 # noqa: S104 - compared with, not bound to


def master_config(settings: Configuration) -> str:
    """The master's configuration as YAML text."""
    text = TEMPLATE.read_text()
    bind = settings.private_bind
    private = EVERYWHERE.get(bind) or (f"[{bind}]" if ":" in bind else bind)
    ours = {
        USER: f"user: {json.dumps(pwd.getpwuid(os.geteuid()).pw_name)}",
        PRIVATE: f"http://{private}:{settings.private_port}",
        CODE: str(STATES),
        HOME: str(settings.home),
    }
    for theirs, own in ours.items():
        if theirs not in text:
            raise AssertionError(f"{TEMPLATE} does not name {theirs}")
        text = text.replace(theirs, own)
    own_port = {
        "interface": settings.salt_bind,
        "ipv6": ":" in settings.salt_bind,
        "publish_port": settings.salt_port - 1,
        "ret_port": settings.salt_port,
    }
    return f"{text}\n# Where it listens.\n" + "".join(
        f"{name}: {json.dumps(value)}\n" for name, value in own_port.items()
    )
