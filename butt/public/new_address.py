"""Changing an email address: the old one stays in use until somebody has confirmed the new one."""

from allauth.account.forms import AddEmailForm
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from django.db import transaction
from django.http import HttpRequest


class NewAddress(AddEmailForm):  # type: ignore[misc]
    """allauth would replace any unverified address, even the one that the account is known by."""

    def save(self, request: HttpRequest) -> EmailAddress:
        with transaction.atomic():
            waiting = EmailAddress.objects.filter(user=self.user, verified=False)
            waiting.exclude(email=self.user.email).delete()
            new: EmailAddress = EmailAddress.objects.create(user=self.user, email=self.cleaned_data["email"])
        send_verification_email_to_address(request, new)
        return new
