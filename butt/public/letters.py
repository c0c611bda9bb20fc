"""Emails to people about their account, and the hooks that allauth calls."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import EmailAwarePasswordResetTokenGenerator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.urls import reverse

from butt.accounts.models import Account
from butt.accounts.postage import pay_for_letter
from butt.configuration import configuration
from butt.limits.counts import TooOften
from butt.public.addresses import address_of

NOT_SAID = {
    "account/messages/logged_in.txt",
    "account/messages/logged_out.txt",
    "mfa/messages/recovery_codes_generated.txt",
}
"""The page that follows says these things itself."""

ASKED_FOR = frozenset(
    {
        "account/email/email_confirmation",
        "account/email/email_confirmation_signup",
        "account/email/password_reset_key",
        "account/email/unknown_account",
        "account/email/account_already_exists",
    }
)
"""Emails that anybody can cause by typing an address."""

log = logging.getLogger("butt.public")


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Links use the site's own address, whatever host a request claims; a sign-in shows no message."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Emails that anybody can have sent to any address are bounded; those about a change to an account
        are always sent.
        """
        try:
            if template_prefix in ASKED_FOR:
                pay_for_letter(email)
            super().send_mail(template_prefix, email, {**context, "site_name": configuration().site_name})
        except TooOften as slow:
            log.warning("a letter (%s) was not sent, as %s holds", template_prefix, slow.limit.name)
        except OSError as error:
            log.warning("a letter (%s) could not be sent: %s", template_prefix, type(error).__name__)

    def format_email_subject(self, subject: str) -> str:
        """As in all our emails: the sender's name and a few words. allauth's own subjects Are In Title Case."""
        return f"{configuration().site_name}: {subject.lower()}"

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:  # noqa: ARG002
        return outside("account_confirm_email", emailconfirmation.key)

    def get_reset_password_from_key_url(self, key: str) -> str:
        person, _, token = key.partition("-")
        return outside("account_reset_password_from_key", person, token)

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """An address belongs to only one account, even while nobody has confirmed it."""
        try:
            with transaction.atomic():
                return bool(super().confirm_email(request, email_address))
        except IntegrityError:
            template = "account/messages/email_confirmation_failed.txt"
            self.add_message(request, messages.ERROR, template, {"email": email_address.email})
            return False

    def can_delete_email(self, email_address: EmailAddress) -> bool:
        """Without its address, nobody could sign in to an account any more."""
        return bool(email_address.email != email_address.user.email)

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request)

    def get_email_verification_redirect_url(self, email_address: Any) -> str:  # noqa: ARG002
        return reverse("account" if self.request.user.is_authenticated else "start")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002
        return reverse("account")

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        template = kwargs.get("message_template") or (args[0] if args else "")
        if template not in NOT_SAID:
            super().add_message(request, level, *args, **kwargs)

    def login(self, request: HttpRequest, user: Any) -> None:
        super().login(request, user)
        if not is_verified(user):
            request.session["unverified"] = True


def outside(name: str, *args: object) -> str:
    """The public URL of a page, for use in an email."""
    return configuration().public_url + reverse(name, args=args)


def password_link(account: Account) -> str:
    """Where this person chooses a new password: once, and for as long as links in emails are valid."""
    token = EmailAwarePasswordResetTokenGenerator().make_token(account)
    return outside("account_reset_password_from_key", user_pk_to_url_str(account), token)


def is_verified(account: Account) -> bool:
    """Whether the person has confirmed that email to their address reaches them."""
    return bool(EmailAddress.objects.filter(user=account, email=account.email, verified=True).exists())


def ask_to_verify(request: HttpRequest, account: Account) -> None:
    """Send the email with the confirmation link to a new person."""
    EmailAddress.objects.get(user=account, email=account.email).send_confirmation(request, signup=True)


def say(request: HttpRequest, text: str) -> None:
    messages.success(request, text)
