"""The answers to apps at an invite's page: where to claim it, and the result of a claim.

Source: https://github.com/ssbc/ssb-http-invite-spec
"""

import json

from django.http import HttpRequest, HttpResponse, JsonResponse

from butt.agents.actions import Refused
from butt.invites.claiming import claim, join_url, state_without_uses
from butt.invites.invite_state import InviteState
from butt.invites.kept_connections import address_of
from butt.invites.models import Invite
from butt.public.api.codes import STATUS

LONGEST_CLAIM = 1000
"""In bytes: an id and a token take 130."""


def is_claim(request: HttpRequest) -> bool:
    """Whether an app claims an invite. Browser forms have another content type, and no page can make one send
    this.
    """
    return request.method == "POST" and request.content_type == "application/json"


def wants_json(request: HttpRequest) -> bool:
    if request.method == "POST":
        return is_claim(request)
    if "encoding" in request.GET:
        return request.GET["encoding"] == "json"
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def told(invite: Invite) -> JsonResponse:
    """Where to claim an invite. A used-up invite can still be claimed by people who came in by it before."""
    if (found := state_without_uses(invite)) is not InviteState.OPEN:
        return failed(f"This invite is {found}.", 410)
    return JsonResponse({"status": "successful", "invite": invite.token, "postTo": join_url(invite.token)})


def claimed(request: HttpRequest, invite: Invite) -> JsonResponse:
    """Let in whoever claims this invite, and say where the pub is."""
    try:
        welcome = claim(invite, _id_in(request, invite))
    except Refused as no:
        return failed(no.message, STATUS[no.code], 5 if no.code == "no_answer" else 0)
    return JsonResponse(
        {
            "status": "successful",
            "multiserverAddress": address_of(invite.bot).multiserver,
            "welcome": welcome.value,
        }
    )


def failed(message: str, status: int, wait: int = 0) -> JsonResponse:
    """What an app is told. `wait` is how many seconds later another try makes sense."""
    headers = {"Retry-After": str(wait)} if wait else {}
    return JsonResponse({"status": "failed", "error": message}, status=status, headers=headers)


def unlisted(response: HttpResponse) -> HttpResponse:
    """No search engine lists the page."""
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _id_in(request: HttpRequest, invite: Invite) -> str:
    """The SSB id that claims the invite. Raises `Refused` `bad_claim`."""
    body = request.body
    try:
        given = json.loads(body) if len(body) <= LONGEST_CLAIM else None
    except ValueError:
        given = None
    match given:
        case {"id": str(ssb_id), "invite": invite.token}:
            return ssb_id
    raise Refused(
        "bad_claim", 'A claim is {"id": "@….ed25519", "invite": "…"}, with the token of this invite.'
    )
