"""Who chose a new password has their account to themself, whichever way they chose it: by mail, on a page or at the console.

It may have been somebody else's until then: a thief's, or of one who registered an address that was not theirs.
"""

from allauth.account.models import EmailAddress

from butt.accounts.models import AccessToken, Account


def take_back(account: Account) -> None:
    """Sessions end by themselves, as they hold on to the password; tokens and addresses that wait for a click do not."""
    AccessToken.objects.filter(account=account).delete()
    EmailAddress.objects.filter(user=account).exclude(email=account.email).delete()
