"""The status of one bot: its current figures, and charts."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from butt.agents.bots import bot_by_name
from butt.agents.models import Agent, Role
from butt.agents.prepared import PreparedModels
from butt.agents.view import View
from butt.configuration import configuration
from butt.figures import units
from butt.figures.models import Reading
from butt.figures.series import RANGES
from butt.machines.status import machine_status_of
from butt.outbox import preferences
from butt.public.history import history_of
from butt.public.live import status_mark
from butt.public.pages.person import for_person
from butt.public.pages.vault import shown_copy
from butt.services.interface import Figure, ServicePart

_reading = PreparedModels(lambda bot: Reading.objects.filter(bot=bot), uuid.UUID(int=1))


@dataclass(frozen=True)
class Slice:
    """A part of what a bot may use; `x` and `width` in a bar of 100."""

    name: str
    words: str
    size: int
    x: float
    width: float


@require_safe
@for_person
def status(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    view = View(bot_by_name(person, name, Role.MODERATOR))
    chosen = request.GET.get("range", "")
    chosen = chosen if chosen in RANGES else next(iter(RANGES))
    return render(
        request,
        "bot/status.html",
        {
            "bot": view,
            "machine": machine_status_of(view.agent.id) if configuration().host == "salt" else None,
            "figures": _figures(view, _reading.first(view.agent.id)),
            "trouble": view.trouble,
            "room": _room(view),
            "copy": shown_copy(view.agent),
            "traffic_parts": _traffic(view),
            "bandwidth": _sum(view.bytes_in, view.bytes_out),
            "passing": view.state.is_passing,
            "mark": status_mark(view),
            "tab": "status",
            "ranges": list(RANGES),
            "range": chosen,
            "letters": preferences.of(person).mail,
            "down_after": units.duration(configuration().down_seconds),
            "history": history_of(view, chosen, timezone.now()),
        },
    )


@require_POST
@for_person
def letters(request: HttpRequest, person: Agent) -> HttpResponse:
    """Whether the person wants emails about their bots."""
    preferences.set_mail(person, wanted=request.POST.get("wanted") == "yes")
    bot = bot_by_name(person, request.POST.get("bot", ""), Role.MODERATOR)
    return redirect("status", bot.name)


FIGURES: dict[Figure, tuple[str, Callable[[View, Reading], int | None]]] = {
    Figure.PEERS: ("peers now", lambda view, _: view.peers),
    Figure.MESSAGES: ("messages", lambda _, reading: reading.messages),
    Figure.FEEDS: ("feeds", lambda _, reading: reading.feeds),
    Figure.INDEXED: ("indexed", lambda _, reading: reading.share),
    Figure.ATTENDANTS: ("in its room now", lambda view, _: view.attendants),
    Figure.TUNNELS: ("tunnels now", lambda view, _: view.tunnels),
    Figure.ALIASES: ("aliases", lambda view, _: view.aliases),
}


def _figures(view: View, reading: Reading | None) -> list[tuple[str, int | None, str]]:
    """The current figures of its service, as name, number and unit; none unless it is alive."""
    if not (view.alive and reading):
        return []
    declared = ((figure, *FIGURES[figure]) for figure in view.service.figures)
    return [
        (words, value(view, reading), "%" if figure is Figure.INDEXED else "")
        for figure, words, value in declared
    ]


def _room(view: View) -> dict[str, Any] | None:
    """What uses its disk, with positions in a bar of 100 parts. None if there is no bound or no report."""
    room = view.room
    if (
        room is None
        or ServicePart.LIMITS not in view.service.parts
        or "disk" not in view.limits
        or not room["most"]
    ):
        return None
    names = {"log": "messages", "blobs": "blobs", "rest": "index and the rest"}
    parts = _slices([(name, words, room[name]) for name, words in names.items()], room["most"])
    return {**room, "parts": parts, "taken": sum(part.size for part in parts)}


def _traffic(view: View) -> list[Slice]:
    """Its network traffic this month, in a bar of what is allowed. Empty if there is no bound or no report."""
    traffic = view.traffic
    if traffic is None or not traffic.most:
        return []
    return _slices([("log", "in", traffic.came_in), ("blobs", "out", traffic.went_out)], traffic.most)


def _slices(sizes: Sequence[tuple[str, str, int]], most: int) -> list[Slice]:
    parts, x = [], 0.0
    for name, words, size in sizes:
        width = min(100 - x, 100 * size / most)
        parts.append(Slice(name, words, size, round(x, 2), round(width, 2)))
        x += width
    return parts


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second
