"""The operator's console: Django's admin, for staff alone, behind their second factor."""

from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from butt.configuration import configuration


class Console(AdminSite):
    site_url = "/bots"
    index_title = "console"
    enable_nav_sidebar = False

    site_header = site_title = f"{configuration().site_name} console"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Only our own admin classes: others would let operators change second factors and read sessions."""
        if admin_class is not None and admin_class.__module__.startswith("butt."):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return bool(user.is_active and user.is_staff and _by_all_factors(request))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """There is one sign-in page, `start`; people who are not staff get a 404 here."""
        if request.user.is_authenticated:
            raise Http404
        return redirect_to_login(request.GET.get("next", "/console/"))

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:  # noqa: ARG002
        """There is one page for that as well."""
        return redirect("account_change_password")


def _by_all_factors(request: HttpRequest) -> bool:
    """Whether a user with a second factor has used it in this very session."""
    if not is_mfa_enabled(request.user, [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]):
        return True
    return any(record["method"] == "mfa" for record in get_authentication_records(request, request.user))
