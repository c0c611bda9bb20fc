"""Logs as the pub writes them, and a folder to put them in."""

import json
from struct import pack


def record(payload: bytes, at: int) -> bytes:
    """One record of a log, to be written at byte `at`."""
    end = at + len(payload) + 12
    return pack(">I", len(payload)) + payload + pack(">II", len(payload), end)


def log_of(payloads: list[bytes]) -> bytes:
    log = b""
    for payload in payloads:
        log += record(payload, len(log))
    return log


def message(author: str, sequence: int, text: str = "hello") -> bytes:
    """As ssb-db stores one; the key and signature of these prove nothing."""
    value = {
        "previous": f"%{'p' * 43}=.sha256" if sequence > 1 else None,
        "sequence": sequence,
        "author": author,
        "timestamp": 1_700_000_000_000 + sequence,
        "hash": "sha256",
        "content": {"type": "post", "text": text},
        "signature": "s.sig.ed25519",
    }
    stored = {"key": f"%{'k' * 43}=.sha256", "value": value, "timestamp": 1_700_000_000_000}
    return json.dumps(stored, separators=(",", ":")).encode()
