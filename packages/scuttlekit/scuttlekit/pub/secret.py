"""The pub's keys, stored in the file `secret`."""

from pathlib import Path

from scuttlekit.errors import InvalidFormat
from scuttlekit.keys import KeyPair
from scuttlekit.pub.exits import Refusal


def keys_of(folder: Path, known: int) -> KeyPair:
    """Read the pub's keys, or generate them at its first start. `known` is the highest known sequence of its feed.

    Raises Refusal if the file is damaged, or missing although the feed has messages, since it cannot be
    recreated.
    """
    path = folder / "secret"
    try:
        return KeyPair.load(path)
    except FileNotFoundError:
        pass
    except InvalidFormat:
        raise Refusal(
            "secret-damaged", 'The pub\'s secret is damaged. Restore the file "secret" from a good copy.'
        ) from None
    except OSError as error:
        raise Refusal("secret-damaged", f"The pub's secret cannot be read: {error.strerror}.") from None
    if known:
        raise Refusal(
            "secret-damaged",
            f'The pub\'s secret is missing, although its feed has {known} messages. Restore the file "secret" from a copy.',
        )
    keys = KeyPair.generate()
    keys.save(path)
    return keys
