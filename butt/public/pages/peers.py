"""A bot in its network: how far it keeps messages, who meets in its room, whom it follows and which pubs it joins."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from butt.agents.actions import Refused, announce, set_hops, set_room_mode
from butt.agents.bots import bot_by_name
from butt.agents.models import Agent
from butt.agents.view import View
from butt.peers import announcing, following, joining
from butt.peers.following import Relation
from butt.public.letters import say
from butt.public.pages.person import for_person

HOPS = {
    0: "0: only its own",
    1: "1: people it follows",
    2: "2: and people they follow",
    3: "3: and people those follow",
}
COST = (
    "1 takes a few MB of disk for each guest. 2 takes about 100 MB, sometimes a few GB; most pubs use it. 3 often takes ten "
    "times as much."
)

ROOM_MODES = {
    "open": "open: everybody",
    "community": "community: its members",
    "restricted": "restricted: only its members",
    "none": "none: no room",
}


@for_person
def peers(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    bot = bot_by_name(person, name)
    if request.method != "POST":
        return _shown(request, bot)
    wish = request.POST.get("wish", "")
    try:
        said = WISHES.get(wish, _nothing)(request, person, bot)
    except Refused as no:
        return _shown(request, bot, {"errors": {wish: no.message}, "typed": request.POST.get(wish, "")})
    say(request, said)
    return redirect("peers", bot.name)


def _shown(request: HttpRequest, bot: Agent, said: dict[str, object] | None = None) -> HttpResponse:
    view, others = View(bot), joining.joined_by(bot)
    shown = {
        "bot": view,
        "hops": HOPS,
        "hops_cost": COST,
        "room_modes": ROOM_MODES,
        "is_said": announcing.is_said(bot),
        "others": others,
        "passing": any(not (pub.done_at or pub.trouble) for pub in others),
        **(said or {}),
    }
    return render(request, "bot/peers.html", shown, status=422 if said else 200)


def _hops(request: HttpRequest, person: Agent, bot: Agent) -> str:
    chosen = request.POST.get("hops", "")
    set_hops(person, bot, int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) == 1 else -1)
    return f"It keeps messages up to {bot.wanted.hops} hops away."


def _room(request: HttpRequest, person: Agent, bot: Agent) -> str:
    set_room_mode(person, bot, request.POST.get("room", ""))
    return f"Its room is {bot.wanted.room_mode}."


def _announce(request: HttpRequest, person: Agent, bot: Agent) -> str:
    announced = request.POST.get("announce") == "yes"
    announce(person, bot, announced=announced)
    return (
        "It announces its address."
        if announced
        else "It no longer announces its address. What it announced before stays in its feed."
    )


def _follow(request: HttpRequest, person: Agent, bot: Agent) -> str:
    follows = request.POST.get("relation") != "none"
    relation = Relation.FOLLOWS if follows else Relation.NONE
    feed = following.relate(person, bot, request.POST.get("follow", ""), relation)
    return f"It follows {feed}." if follows else f"It does not follow {feed}."


def _join(request: HttpRequest, person: Agent, bot: Agent) -> str:
    joining.ask(person, bot, request.POST.get("join", ""))
    return "The bot has been told. The result appears below."


def _nothing(_request: HttpRequest, _person: Agent, _bot: Agent) -> str:
    raise Refused("bad_request", "There is no such action.")


WISHES: dict[str, Callable[[HttpRequest, Agent, Agent], str]] = {
    "hops": _hops,
    "room": _room,
    "announce": _announce,
    "follow": _follow,
    "join": _join,
}
