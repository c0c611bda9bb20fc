"""The Secure Scuttlebutt apps that are maintained, and how to get in with each.

`docs/clients.md` says more about them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class LivingApp:
    name: str
    url: str
    """Where to get it."""
    runs_on: str
    network: str
    """The name of the network that it uses."""
    opens: bool
    """Whether the button on an invite's page opens it."""
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
