"""The webhook of a person: what is called when a bot of theirs goes down or comes back."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from butt.agents.actions import Refused
from butt.agents.models import Agent
from butt.outbox import preferences
from butt.public.pages.person import for_person_again


@never_cache
@for_person_again
def webhook(request: HttpRequest, person: Agent) -> HttpResponse:
    """The answer to a new one shows its secret, once."""
    if request.method != "POST":
        return render(request, "account/webhook.html", {"url": preferences.of(person).webhook})
    url = request.POST.get("url", "")
    try:
        secret = preferences.set_webhook(person, url)
    except Refused as no:
        return render(request, "account/webhook.html", {"url": url, "error": no.message}, status=422)
    return render(
        request,
        "account/webhook.html",
        {"url": preferences.of(person).webhook, "secret": secret, "kept": True},
    )
