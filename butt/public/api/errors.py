"""Every error as `{"error": {"code", "message", "field"?}}` with its status."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from butt.accounts.entry import NoEntry
from butt.agents.actions import Refused
from butt.agents.bots import NotAnOwner
from butt.agents.models import Agent
from butt.hosts.reading import Unreadable
from butt.invites.models import Invite
from butt.public.api.bearer import NotInScope
from butt.public.api.codes import STATUS


def problem(status: int, code: str, message: str, field: str = "") -> tuple[int, dict[str, Any]]:
    error = {"code": code, "message": message, **({"field": field} if field else {})}
    return status, {"error": error}


def wants_json(request: HttpRequest) -> bool:
    """Whether the request is for the API, with a token or without, or does not accept pages."""
    of_the_api = request.resolver_match is not None and "api" in request.resolver_match.namespaces
    return of_the_api or "Authorization" in request.headers or not request.accepts("text/html")


def handle_errors(api: NinjaAPI) -> None:
    def answer(request: HttpRequest, status: int, body: dict[str, Any]) -> HttpResponse:
        return api.create_response(request, body, status=status)

    @api.exception_handler(Refused)
    @api.exception_handler(NoEntry)
    def refused(request: HttpRequest, error: Any) -> HttpResponse:
        response = answer(request, *problem(STATUS[error.code], error.code, error.message, error.field))
        if wait := getattr(error, "wait", 0):
            response["Retry-After"] = str(wait)
        return response

    @api.exception_handler(NotAnOwner)
    @api.exception_handler(NotInScope)
    def may_not(request: HttpRequest, error: Any) -> HttpResponse:
        return answer(request, *_why_not(error))

    @api.exception_handler(Agent.DoesNotExist)
    @api.exception_handler(Invite.DoesNotExist)
    @api.exception_handler(Http404)
    def unknown(request: HttpRequest, error: Any) -> HttpResponse:
        what = "invite of this bot" if isinstance(error, Invite.DoesNotExist) else "bot of yours"
        return answer(request, *problem(404, "not_found", f"There is no such {what}."))

    @api.exception_handler(Unreadable)
    def unreadable(request: HttpRequest, error: Any) -> HttpResponse:
        return answer(request, *problem(503, "unreadable", str(error)))

    @api.exception_handler(AuthenticationError)
    def stranger(request: HttpRequest, error: Any) -> HttpResponse:  # noqa: ARG001
        message = "Send an access token: Authorization: Bearer TOKEN. You get one at /authentication/sign-in."
        response = answer(request, *problem(401, "no_token", message))
        response["WWW-Authenticate"] = "Bearer"
        return response

    @api.exception_handler(ValidationError)
    def malformed(request: HttpRequest, error: Any) -> HttpResponse:
        first = error.errors[0]
        field = ".".join(str(part) for part in first["loc"][2:]) or str(first["loc"][-1])
        return answer(request, *problem(422, "bad_request", f"{field}: {first['msg']}", field))

    @api.exception_handler(HttpError)
    def other(request: HttpRequest, error: Any) -> HttpResponse:
        return answer(request, *problem(error.status_code, "bad_request", str(error)))


def _why_not(error: NotAnOwner | NotInScope) -> tuple[int, dict[str, Any]]:
    if isinstance(error, NotAnOwner):
        return problem(403, "not_owner", str(error))
    message = f"This token lacks the scope “{error.needed}”. Make one that has it at /account/tokens."
    return problem(403, "scope", message)
