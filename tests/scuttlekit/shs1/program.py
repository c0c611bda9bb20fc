"""Our handshake on stdin and stdout, as the published suite expects: `client NETWORK SERVER` or `server
NETWORK SECRET PUBLIC`.
"""

import sys

from scuttlekit import HandshakeFailed, KeyPair
from scuttlekit.handshake import Handshake, SessionKeys, client, server


def main() -> None:
    role, network, key, *_ = sys.argv[1:]
    if role == "client":
        steps = client(KeyPair.generate(), bytes.fromhex(key), bytes.fromhex(network))
    else:
        # libsodium's secret key is the seed and then the public key.
        steps = server(KeyPair(bytes.fromhex(key)[:32]), bytes.fromhex(network))
    try:
        secrets = shake(steps)
    except HandshakeFailed as error:
        sys.exit(str(error))
    write(secrets.last + secrets.seal_key + secrets.seal_nonce + secrets.open_key + secrets.open_nonce)


def shake(steps: Handshake) -> SessionKeys:
    step = next(steps)
    try:
        while True:
            write(step.send)
            step = steps.send(sys.stdin.buffer.read(step.want))
    except StopIteration as done:
        return done.value


def write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
