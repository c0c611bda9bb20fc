"""Everything that can go wrong between two peers, as one family under `ScuttlebuttError`."""


class ScuttlebuttError(Exception):
    """The base of every error that a peer, or text about a peer, can cause here."""


class InvalidFormat(ScuttlebuttError, ValueError):
    """A key, address, invite, URI or `secret` file does not follow its format."""


class InvalidMessage(ScuttlebuttError):
    """A message breaks a rule of the format or of its feed. The text says which."""


class Unreachable(ScuttlebuttError):
    """No connection to the address: refused, no such host, no answer in time, or a transport we do not speak."""


class HandshakeFailed(ScuttlebuttError):
    """The secret handshake did not complete: wrong key, wrong network, not welcome, or no answer in time."""


class ProtocolError(ScuttlebuttError):
    """The peer sent bytes that break the rules of the box stream, muxrpc or JSON, or we were asked to send such."""


class ConnectionLost(ScuttlebuttError):
    """The connection dropped. Calls in progress get no answer, and may or may not have taken effect."""


class Goodbye(ConnectionLost):
    """One side closed the connection properly, with a goodbye."""


class CallTimeout(ScuttlebuttError, TimeoutError):
    """The peer did not answer in time. The connection stays open."""


class ConsumerTooSlow(ScuttlebuttError):
    """A stream was read too slowly while others needed the connection, so it was ended to limit memory use."""


NOT_ALLOWED = "is not in list of allowed methods"
"""How the error of the JavaScript muxrpc ends, by which programs know that a peer has no such call for them."""


class RemoteError(ScuttlebuttError):
    """The peer answered with an error of its own.

    `message` and `name` come from the peer: show them only as text, and do not trust them.
    """

    def __init__(self, message: str, name: str = "Error") -> None:
        super().__init__(message, name)
        self.message = message
        self.name = name

    def __str__(self) -> str:
        return self.message

    @property
    def is_not_allowed(self) -> bool:
        """Whether the peer has no such call, or does not let us make it."""
        return NOT_ALLOWED in self.message
