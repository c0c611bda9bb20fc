"""The SSB ids that open a person's account: listing, adding and removing them."""

from allauth.account.adapter import get_adapter
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from butt.accounts import ssb_ids as ids
from butt.agents.bots import bot_by_name
from butt.agents.models import Agent
from butt.peers.signing_in import NoSignIn
from butt.public.letters import is_verified, say
from butt.public.pages.challenges import Purpose, begin
from butt.public.pages.person import account_of, for_person, for_person_again

NOT_VERIFIED = "Verify your email address first, so that an id is added by nobody but its owner."


@never_cache
@for_person
def ssb_ids(request: HttpRequest, person: Agent) -> HttpResponse:  # noqa: ARG001
    mine = account_of(request)
    usable = set(ids.bots_to_prove_over(mine).values_list("id", flat=True))
    rows = [(row, row.bot_id in usable) for row in ids.ids_of(mine)]
    return render(request, "account/ssb_ids.html", {"rows": rows})


@never_cache
@for_person_again
def new(request: HttpRequest, person: Agent) -> HttpResponse:
    """Choose through which bot; the next page shows what to open in the app."""
    mine = account_of(request)
    chosen = request.POST.get("bot", "")
    shown = {"bots": ids.bots_to_prove_over(mine), "chosen": chosen}
    if request.method != "POST":
        return render(request, "account/new_ssb_id.html", shown)
    if not is_verified(mine):
        said = {**shown, "errors": {"bot": NOT_VERIFIED}}
        return render(request, "account/new_ssb_id.html", said, status=409)
    try:
        bot = bot_by_name(person, chosen)
        ids.check_may_add(mine, bot)
        begin(request, bot, Purpose.ADD)
    except (ids.NotAdded, NoSignIn) as no:
        said = {**shown, "errors": {"bot": str(no)}}
        return render(request, "account/new_ssb_id.html", said, status=422)
    return redirect("login-app")


@never_cache
@for_person_again
def remove(request: HttpRequest, person: Agent, number: int) -> HttpResponse:  # noqa: ARG001
    mine = account_of(request)
    row = ids.ids_of(mine).filter(id=number).first()
    if row is None:
        return redirect("ssb-ids")
    if request.method != "POST":
        return render(request, "account/remove_ssb_id.html", {"row": row})
    if ids.remove(mine, number):
        get_adapter(request).send_notification_mail(
            "account/email/ssb_id_removed", mine, {"ssb_id": row.ssb_id}
        )
        say(request, "The SSB id has been removed.")
    return redirect("ssb-ids")


def proven(request: HttpRequest, bot: Agent, ssb_id: str) -> HttpResponse:
    """The app of the signed-in person has proved that this id is theirs."""
    mine = account_of(request)
    try:
        ids.add(mine, bot, ssb_id)
    except ids.NotAdded as no:
        return render(request, "ssb/again.html", {"message": str(no)}, status=409)
    get_adapter(request).send_notification_mail("account/email/ssb_id_added", mine, {"ssb_id": ssb_id})
    say(request, "Your SSB id can now sign in to your account.")
    return redirect("ssb-ids")
