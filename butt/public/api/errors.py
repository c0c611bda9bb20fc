"""Every error as `{"error": {"code", "message", "field"?}}` with the fitting status."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from butt.accounts.entry import NoEntry
from butt.agents.models import Agent
from butt.agents.wishes import Refused
from butt.hosts.reading import Unreadable
from butt.invites.models import Invite
from butt.public.api.bearer import NotInScope

STATUS = {
    "payment_due": 402,
    "bad_name": 422,
    "bad_service": 422,
    "bad_network": 422,
    "bad_hops": 422,
    "bad_feed": 422,
    "bad_invite": 422,
    "bad_search": 422,
    "bad_limit": 422,
    "bad_description": 422,
    "name_taken": 409,
    "bad_uses": 422,
    "bad_expiry": 422,
    "bad_count": 422,
    "bad_key": 422,
    "wrong_state": 409,
    "not_asked": 409,
    "price_changed": 409,
    "held": 403,
    "no_answer": 503,
    "no_room": 503,
    "gone": 409,
    "too_many": 409,
    "nothing_yet": 409,
    "secret_damaged": 409,
    "log_damaged": 409,
    "log_behind": 409,
    "too_many_exports": 429,
    "bad_recipient": 422,
    "bad_archive": 422,
    "key_misfit": 409,
    "not_stopped": 422,
    "too_big": 413,
    "already_here": 409,
    "import_under_way": 409,
    "disk_full": 507,
    "broken_off": 408,
    "bad_email": 422,
    "bad_password": 422,
    "email_taken": 409,
    "wrong_password": 401,
    "second_factor": 401,
    "wrong_code": 401,
    "too_many_guesses": 429,
}


def problem(status: int, code: str, message: str, field: str = "") -> tuple[int, dict[str, Any]]:
    error = {"code": code, "message": message, **({"field": field} if field else {})}
    return status, {"error": error}


def wants_json(request: HttpRequest) -> bool:
    """Who calls the API, known or not, or says that they take no page."""
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

    @api.exception_handler(NotInScope)
    def too_narrow(request: HttpRequest, error: Any) -> HttpResponse:
        message = f"This token lacks the scope “{error.needed}”. Make one that has it at /account/tokens."
        return answer(request, *problem(403, "scope", message))

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
