"""Sign in with Scuttlebutt: challenges, the solution that an app signs, and the link that asks an app to do so.

Server and app each create a challenge. The app proves its id by a signature over both challenges and both
ids.

Source: https://github.com/ssb-ngi-pointer/ssb-http-auth-spec
"""

import base64
import secrets
from typing import Any, Final

from scuttlekit.addresses import Address
from scuttlekit.errors import InvalidFormat
from scuttlekit.keys import KeyPair, decode_base64, is_signed_by
from scuttlekit.uris import experimental_uri

CHALLENGE_BYTES: Final = 32
ACTION: Final = "start-http-auth"


def new_challenge() -> str:
    """A challenge that nobody can guess: 32 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(CHALLENGE_BYTES)).decode()


def is_challenge(text: Any) -> bool:
    """Whether something is a challenge: canonical base64 of 32 bytes."""
    try:
        return isinstance(text, str) and bool(decode_base64(text, CHALLENGE_BYTES, "a challenge"))
    except InvalidFormat:
        return False


def solve(app: KeyPair, server_id: str, server_challenge: str, app_challenge: str) -> str:
    """The app's solution: its signature in base64, with the suffix `.sig.ed25519`."""
    return app.sign_text(_signed(server_id, app.id, server_challenge, app_challenge))


def is_solution(
    server_id: str, app_id: str, server_challenge: str, app_challenge: str, solution: Any
) -> bool:
    """Whether `solution` proves that the app with this id wants to sign in to this server.

    `server_id` and `server_challenge` are the server's own. The other arguments are untrusted.
    """
    return is_challenge(app_challenge) and is_signed_by(
        app_id, _signed(server_id, app_id, server_challenge, app_challenge), solution
    )


def start_uri(server: Address, server_challenge: str) -> str:
    """The link that asks an app to solve a challenge and send the solution to this server."""
    return experimental_uri(
        ACTION, sid=server.key, sc=server_challenge, multiserverAddress=server.multiserver
    )


def _signed(server_id: str, app_id: str, server_challenge: str, app_challenge: str) -> bytes:
    return f"=http-auth-sign-in:{server_id}:{app_id}:{server_challenge}:{app_challenge}".encode()
