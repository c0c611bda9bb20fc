"""What is encrypted here can be decrypted by a library that is not ours, and its size is known beforehand."""

import pyrage
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from butt.exports.age import CHUNK, BadRecipient, Recipient, encrypted
from tests.scuttlekit.peers import few

IDENTITY = pyrage.x25519.Identity.generate()
PASSPHRASE = "correct horse battery"
KEY = Recipient.parse(str(IDENTITY.to_public()))


def sealed(data: bytes, recipient: Recipient, step: int = 1000) -> bytes:
    chunks = [data[at : at + step] for at in range(0, len(data), step)]
    size, stream = encrypted(chunks, len(data), recipient)
    result = b"".join(stream)
    assert len(result) == size
    return result


@few
@given(st.integers(0, 3 * CHUNK), st.integers(1, 2 * CHUNK))
@example(0, 1)
@example(CHUNK, CHUNK)
@example(2 * CHUNK, 17 * 1024)
@example(CHUNK + 1, CHUNK)
def test_encrypting_for_a_key(size: int, step: int):
    data = bytes(number % 251 for number in range(size))
    assert pyrage.decrypt(sealed(data, KEY, step), [IDENTITY]) == data


@settings(few, max_examples=4)
@given(st.integers(0, 2 * CHUNK))
def test_encrypting_with_a_passphrase(size: int):
    data = bytes(size)
    assert pyrage.passphrase.decrypt(sealed(data, Recipient.parse(PASSPHRASE)), PASSPHRASE) == data


def test_any_key_decrypts_what_is_encrypted_for_it():
    for _ in range(20):
        identity = pyrage.x25519.Identity.generate()
        recipient = Recipient.parse(f" {identity.to_public()}\n")
        assert pyrage.decrypt(sealed(b"mine", recipient), [identity]) == b"mine"


@pytest.mark.parametrize(
    "text",
    [
        "age1",
        "age1q",
        pytest.param(f"{IDENTITY.to_public()}"[:-1], id="cut"),
        "age1" + "q" * 58,
        "",
        "short",
    ],
)
def test_an_invalid_recipient_is_refused(text: str):
    with pytest.raises(BadRecipient):
        Recipient.parse(text)


def test_a_secret_half_is_not_taken_for_a_passphrase():
    with pytest.raises(BadRecipient, match="secret half"):
        Recipient.parse(str(IDENTITY))


def test_another_key_cannot_decrypt_it():
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed(b"secret", KEY), [pyrage.x25519.Identity.generate()])
