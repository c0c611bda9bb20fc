"""What a browser says of a passkey: allauth hands it to its library as it came, which expects nothing but a browser's own."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson
from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

View = Callable[..., HttpResponseBase]


def well_formed(view: View) -> View:
    """`view`, for which a credential that no browser makes is a bad request."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        said = request.POST.get("credential", "") if request.method == "POST" else ""
        if not said:
            return view(request, *args, **kwargs)
        try:
            # It takes neither half of a surrogate pair nor what is nested without end.
            credential = orjson.loads(said)
        except orjson.JSONDecodeError:
            raise BadRequest from None
        if not isinstance(credential, dict):
            raise BadRequest
        try:
            return view(request, *args, **kwargs)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadRequest from error

    return checked
