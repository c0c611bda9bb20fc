"""Whoever chose a new password has the account to themselves, whether by mail, on a page or at the console.

Until then it may have been open to somebody else: a thief, or whoever registered an address that was not
theirs.
"""

from allauth.account.models import EmailAddress

from butt.accounts.models import AccessToken, Account


def take_back(account: Account) -> None:
    """Sessions end by themselves, as they depend on the password; tokens and unconfirmed addresses do not."""
    AccessToken.objects.filter(account=account).delete()
    EmailAddress.objects.filter(user=account).exclude(email=account.email).delete()
