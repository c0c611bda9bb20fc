"""Who chose a new password by mail has their account to themself.

It may have been somebody else's until then: a thief's, or of one who registered an address that was not theirs.
"""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import password_reset
from django.dispatch import receiver

from butt.accounts.models import AccessToken, Account


@receiver(password_reset)
def take_back(user: Account, **_: Any) -> None:
    """Sessions end by themselves, as they hold on to the password; tokens and addresses that wait for a click do not."""
    AccessToken.objects.filter(account=user).delete()
    EmailAddress.objects.filter(user=user).exclude(email=user.email).delete()
