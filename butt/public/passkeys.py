"""Checks what a browser sends of a passkey: allauth passes it to its library unchecked, which only expects
browsers' own.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson
from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

View = Callable[..., HttpResponseBase]


def well_formed(view: View) -> View:
    """Wraps `view`: a credential that no browser produces is a bad request."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        said = request.POST.get("credential", "") if request.method == "POST" else ""
        if not said:
            return view(request, *args, **kwargs)
        try:
            # This rejects lone surrogates and endless nesting.
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
