"""Where a person wanted to go when a page came in between."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def on_their_way_to(request: HttpRequest) -> str:
    """The `next` of the request if it is one of our pages; otherwise empty."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours else ""
