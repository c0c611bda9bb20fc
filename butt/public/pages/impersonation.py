"""An operator starts and stops viewing a person's pages."""

from django.contrib.admin import site
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from butt.accounts import impersonation
from butt.agents.models import Agent
from butt.public.pages.person import account_of, person_of


def look(request: HttpRequest, person_id: str) -> HttpResponse:
    """For people who may use the console; everybody else gets a 404."""
    if not site.has_permission(request) or person_of(request) is None:
        raise Http404
    person = get_object_or_404(Agent, id=person_id, type=Agent.Type.PERSON)
    if request.method != "POST":
        return render(request, "look.html", {"person": person})
    try:
        begun = impersonation.begin(account_of(request), person, request.POST.get("reason", ""))
    except impersonation.NoReason:
        said = {"person": person, "error": "Give a reason. The journal records it."}
        return render(request, "look.html", said, status=422)
    request.session["look"] = begun.id
    return redirect("dashboard")


@require_POST
def end_look(request: HttpRequest) -> HttpResponse:
    number = request.session.pop("look", None)
    if number is not None and person_of(request) is not None:
        impersonation.end(account_of(request), number)
    return redirect("dashboard" if person_of(request) else "landing")
