"""Who may read: the bearer of the master's token."""

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from butt.configuration import configuration


def bearer(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    def gate(request: HttpRequest) -> HttpResponseBase:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and secrets.compare_digest(
            token.encode(), configuration().master_token().encode()
        ):
            return get_response(request)
        error = {"code": "no_token", "message": "Send the master's token: Authorization: Bearer TOKEN."}
        return JsonResponse({"error": error}, status=401, headers={"WWW-Authenticate": "Bearer"})

    return gate
