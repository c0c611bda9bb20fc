"""Who may access what: the master's token opens almost everything, a machine's token only the machine's own paths."""

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import Resolver404, ResolverMatch, resolve

from butt.configuration import configuration
from butt.machines import tokens

VAULT = frozenset({"vault-looks", "vault", "vault-log", "vault-blob", "vault-small"})
"""Paths under which a machine puts data into the vault."""

OPEN_TO_MACHINES = frozenset({"report", "boot", "export", "log", "cargo"}) | VAULT
"""The names of the paths that a machine may use if `minion_id` is its own."""

CLOSED_TO_MASTER = frozenset({"cargo"}) | VAULT
"""Paths with secrets of bots: what runs as the Salt master needs none of them."""


OPEN_TO_ALL = frozenset({"up", "ready"})
"""Paths for health checks. The private server cannot be reached from outside."""


def bearer(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    def gate(request: HttpRequest) -> HttpResponseBase:
        refusal = refusal_of(request.headers.get("Authorization", ""), request.path_info)
        return refusal or get_response(request)

    return gate


def refusal_of(authorization: str, path: str) -> JsonResponse | None:
    """The refusal if a sender with this header may not use this path; otherwise None."""
    if name_of(path) in OPEN_TO_ALL:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() == "bearer" and token:
        if _is_masters(token):
            if name_of(path) not in CLOSED_TO_MASTER:
                return None
            return answer(403, "not_yours", "Only the machine itself may do this.")
        if machine := tokens.bearer_of(token):
            if _is_own(path, machine.minion_id):
                return None
            return answer(403, "not_yours", "A machine's token is only for the machine's own data.")
    refused = answer(401, "no_token", "Send the master's token: Authorization: Bearer TOKEN.")
    refused.headers["WWW-Authenticate"] = "Bearer"
    return refused


def answer(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)


def _is_masters(token: str) -> bool:
    """Read from the configuration each time: the file may have changed, and may hold both an old and a new token."""
    given = token.encode(), tokens.digest(token).encode()
    return any(
        secrets.compare_digest(given[known.startswith("sha256:")], known.removeprefix("sha256:").encode())
        for known in configuration().master_tokens()
    )


def name_of(path: str) -> str | None:
    """The name of the path in `butt.private.urls`; None if there is no such path."""
    found = _found(path)
    return found.url_name if found else None


def _is_own(path: str, minion_id: str) -> bool:
    found = _found(path)
    return bool(found and found.url_name in OPEN_TO_MACHINES and found.kwargs.get("minion_id") == minion_id)


def _found(path: str) -> ResolverMatch | None:
    try:
        return resolve(path, "butt.private.urls")
    except Resolver404:
        return None
