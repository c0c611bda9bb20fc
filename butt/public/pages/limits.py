"""How much disk and traffic a bot may use, as its owner chooses within the operator's limits."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render

from butt.agents.actions import Refused
from butt.agents.bots import bot_by_name
from butt.agents.limits import GIB, MIB, TRAFFIC, of_operator, set_limits
from butt.agents.models import Agent
from butt.agents.view import View
from butt.public.letters import say
from butt.public.pages.person import for_person
from butt.services.interface import ServicePart

FIELDS = {"disk": GIB, "blobs": GIB, "blob": MIB, "farBlobDays": 1, TRAFFIC: GIB}
"""The fields of the form, and how many of the bot's units make one of the form's: GiB, MiB and days."""
LONGEST = 12


@for_person
def limits(request: HttpRequest, person: Agent, name: str) -> HttpResponseBase:
    bot = bot_by_name(person, name)
    view = View(bot)
    keeps = ServicePart.LIMITS in view.service.parts
    fields = FIELDS if keeps else {TRAFFIC: FIELDS[TRAFFIC]}
    typed = {field: _shown(bot.wanted.limits.get(field), unit) for field, unit in fields.items()}
    errors: dict[str, str] = {}
    if request.method == "POST":
        typed = {field: request.POST.get(field, "").strip() for field in fields}
        try:
            set_limits(person, bot, {field: _read(typed[field], field) for field in fields})
        except Refused as no:
            errors = {no.field.removeprefix("limits."): no.message}
        else:
            say(request, "The limits are saved.")
            return redirect("limits", bot.name)
    shown = {
        "bot": view,
        "keeps": keeps,
        "typed": typed,
        "errors": errors,
        "operators": {field: _shown(number, FIELDS[field]) for field, number in of_operator().items()},
    }
    return render(request, "bot/limits.html", shown, status=422 if errors else 200)


def _read(text: str, field: str) -> int | None:
    """The number that was typed, in the unit of the limit; None if the field is empty. Raises `Refused`
    `bad_limit`.
    """
    if not text:
        return None
    whole, point, part = text.partition(".")
    digits = whole + part
    if not (digits.isascii() and digits.isdigit() and len(text) <= LONGEST) or (point and not part):
        raise Refused("bad_limit", "Enter a number such as 2 or 0.5, or leave this empty.", f"limits.{field}")
    return int(float(text) * FIELDS[field])


def _shown(number: int | None, unit: int) -> str:
    return "" if number is None else f"{number / unit:.3f}".rstrip("0").rstrip(".")
