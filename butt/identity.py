"""The service's own SSB identity, which every bot's configuration names as its master."""

from butt.configuration import configuration
from scuttlekit import KeyPair


def service_keys() -> KeyPair:
    """The key pair in the home folder, created if there is none."""
    path = configuration().home / "identity"
    if not path.exists():
        try:
            KeyPair.generate().save(path)
        except FileExistsError:
            pass  # another part of the service created it a moment earlier
    return KeyPair.load(path)
