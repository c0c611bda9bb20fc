"""The operator's console: Django's admin, for staff alone, behind their second factor."""

from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse

from butt.configuration import configuration


class Console(AdminSite):
    site_url = "/bots"
    index_title = "console"
    enable_nav_sidebar = False

    site_header = site_title = f"{configuration().site_name} console"

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return bool(user.is_active and user.is_staff and _by_all_factors(request))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """There is one way in, `start`; who is not staff finds nothing here."""
        if request.user.is_authenticated:
            raise Http404
        return redirect_to_login(request.GET.get("next", "/console/"))


def _by_all_factors(request: HttpRequest) -> bool:
    """Who has a second factor has shown it in this very session."""
    if not is_mfa_enabled(request.user, [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]):
        return True
    return any(record["method"] == "mfa" for record in get_authentication_records(request, request.user))
