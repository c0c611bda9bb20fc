"""The page behind the link that confirms an email address: allauth's own, with what it says afterwards."""

from typing import Any

from allauth.account import app_settings
from allauth.account.models import EmailAddress
from allauth.account.views import ConfirmEmailView
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


class Confirmation(ConfirmEmailView):  # type: ignore[misc]
    """allauth forgets used links: people who click one twice would read that it failed."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if confirmed := _confirmed_by(kwargs["key"]):
            return render(request, "account/email_confirmed.html", {"address": confirmed})
        answer: HttpResponse = super().dispatch(request, *args, **kwargs)
        return answer


confirm_email = Confirmation.as_view()


def _confirmed_by(key: str) -> EmailAddress | None:
    """The address of a link that is still valid, if it is already verified."""
    try:
        longest = 60 * 60 * 24 * app_settings.EMAIL_CONFIRMATION_EXPIRE_DAYS
        number = signing.loads(key, max_age=longest, salt=app_settings.SALT)
    except signing.BadSignature:
        return None
    return EmailAddress.objects.filter(pk=number, verified=True).first()
