"""Second factors as allauth keeps them, but encrypted in the database."""

import base64
import hashlib
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from nacl.secret import SecretBox

from butt.configuration import configuration


class Factors(DefaultMFAAdapter):  # type: ignore[misc]
    def encrypt(self, text: str) -> str:
        return base64.b64encode(_box().encrypt(text.encode())).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _box().decrypt(base64.b64decode(encrypted_text)).decode()

    def generate_authenticator_name(self, user: Any, type: str) -> str:  # noqa: A002 - allauth calls it so
        """The name of a new passkey, unless its owner gives another."""
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return "passkey" if number == 1 else f"passkey {number}"

    def _get_site_name(self) -> str:
        return configuration().site_name


def _box() -> SecretBox:
    return SecretBox(
        hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"second factor").digest()
    )
