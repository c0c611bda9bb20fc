"""The apps of Secure Scuttlebutt that are alive, and how one comes in with each.

`docs/clients.md` tells more of them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class LivingApp:
    name: str
    url: str
    """Where one gets it."""
    runs_on: str
    network: str
    """The name of the network that it is in."""
    opens: bool
    """Whether the button on the page of an invite opens it."""
    steps: str
    """What to do in it without the button."""


APPS = (
    LivingApp(
        "Manyverse",
        "https://www.manyver.se/",
        "phones and computers",
        network="main",
        opens=True,
        steps="in the tab of connections, press the plus, choose to paste an invite, and paste the link of this page or the code.",
    ),
    LivingApp(
        "Oasis",
        "https://github.com/epsylon/oasis",
        "computers",
        network="oasis",
        opens=False,
        steps="in the menu, open “Invites”, paste the code under “PUB”, and press “Join PUB”.",
    ),
)
