"""`GET /agents/{minionId}`: the pillar of one machine. `POST /agents/{minionId}/report`: what it reports of
itself.
"""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from pydantic import ValidationError

from butt.machines import log_tails
from butt.machines.models import Machine
from butt.machines.pillar import InDoubt, pillar_of
from butt.machines.reports import read_report, take, take_boot
from butt.private.gate import answer


@require_safe
def pillar(request: HttpRequest, minion_id: str) -> JsonResponse:  # noqa: ARG001
    return pillar_answer(minion_id)


def pillar_answer(minion_id: str) -> JsonResponse:
    """Never an empty 200: the machine would take that for "no bots"."""
    try:
        return JsonResponse(pillar_of(minion_id))
    except Machine.DoesNotExist:
        return answer(404, "no_machine", "There is no such machine.")
    except InDoubt as doubt:
        return answer(503, "in_doubt", f"Ask again: {doubt}.")


@csrf_exempt
@require_POST
def report(request: HttpRequest, minion_id: str) -> HttpResponse:
    return _taken(lambda: take(minion_id, read_report(request.body)))


@csrf_exempt
@require_POST
def boot(request: HttpRequest, minion_id: str) -> HttpResponse:
    return _taken(lambda: take_boot(minion_id, request.body))


def _taken(write: Callable[[], None]) -> HttpResponse:
    try:
        write()
    except Machine.DoesNotExist:
        return answer(404, "no_machine", "There is no such machine.")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return answer(422, "bad_report", f"{where}: {first['msg']}"[:300])
    return HttpResponse(status=204)


@csrf_exempt
@require_http_methods(["PUT"])
def log(request: HttpRequest, minion_id: str, bot_id: uuid.UUID) -> HttpResponse:
    """The end of a bot's own log, while somebody reads it; 404 if nobody does."""
    text = request.body[-log_tails.LONGEST :].decode(errors="replace").replace("\0", "")
    if not log_tails.keep(minion_id, bot_id, text):
        return answer(404, "not_read", "Nobody reads this log now.")
    return HttpResponse(status=204)


def only_put(request: HttpRequest, minion_id: str, export_id: object) -> HttpResponse:  # noqa: ARG001
    return answer(405, "only_put", "Send the bytes with PUT.")


def broken(request: HttpRequest | None) -> JsonResponse:  # noqa: ARG001
    """The details are in our log; the machine only must not take this for a valid answer."""
    return answer(500, "broken", "Something went wrong on our side; nothing is known.")
