"""The operator's terms, and when somebody agreed to them."""

from datetime import datetime

from butt.accounts.models import Account


def agree(account: Account, terms: str, now: datetime) -> None:
    """Record when they first agreed to these terms, identified by their URL. Without terms there is nothing
    to agree to.
    """
    if terms and account.agreed_to != terms:
        account.agreed_at, account.agreed_to = now, terms
        account.save(update_fields=["agreed_at", "agreed_to"])
