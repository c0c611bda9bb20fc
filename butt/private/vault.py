"""`/agents/{minionId}/vault/…`: a machine sends the data of its bots, which is encrypted here and put into the
vault.

A machine has no key of the storage. Its own token only lets it add to the data of the bots that are placed on
it. Names are made here, of digests that are computed here, so nothing is ever overwritten.
"""

import json
import logging
import re
import threading
import uuid
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from butt.agents.words import storable
from butt.configuration import configuration
from butt.machines.models import Placement
from butt.machines.pillar import MOST_BOTS
from butt.private.gate import answer
from butt.vault import VaultAway, VaultTrouble, ledger
from butt.vault.models import Vaulted
from butt.vault.names import LINE
from butt.vault.sender import LARGEST_BLOB, LARGEST_SMALL, LONGEST_PIECE, SMALL
from butt.vault.writing import VaultWriter, writing
from scuttlekit import InvalidFormat
from scuttlekit.data_folder import SECRET
from scuttlekit.keys import KeyPair

log = logging.getLogger("butt.private")

MOST_BYTES = {"vault-log": LONGEST_PIECE, "vault-blob": LARGEST_BLOB, "vault-small": LARGEST_SMALL}
"""The most bytes accepted under the path of each name."""

FURTHEST = 10**12
_BLOB = re.compile(r"[0-9a-f]{64}")
_SMALL = {SECRET, *SMALL}
_sealing = threading.BoundedSemaphore(2)
"""How many large objects may be in memory at once, plain and encrypted."""

View = Callable[..., HttpResponse]


def of_a_bot_here(view: Callable[..., HttpResponse]) -> View:
    """The view gets the vault and the id of a bot that is placed on the requesting machine."""

    @wraps(view)
    def asked(request: HttpRequest, minion_id: str, bot_id: uuid.UUID, **names: Any) -> HttpResponse:
        try:
            vault = _vault()
        except VaultTrouble as trouble:
            return answer(503, "no_vault", str(trouble))
        if not Placement.objects.filter(bot_id=bot_id, machine__minion_id=minion_id).exists():
            return answer(404, "not_here", "No such bot is placed on this machine.")
        try:
            return view(request, vault, bot_id, **names)
        except VaultAway as away:
            log.warning("bot %s: %s", bot_id, away)
            return answer(503, "vault_away", "The vault cannot be reached. Send it again later.")

    return asked


@require_safe
@of_a_bot_here
def stored(request: HttpRequest, vault: VaultWriter, bot_id: uuid.UUID) -> HttpResponse:  # noqa: ARG001
    """What the vault has of the bot."""
    found = vault.stored(bot_id)
    ledger.begin(bot_id, found.size, found.things)
    return JsonResponse(found.for_sender())


@csrf_exempt
@require_http_methods(["PUT"])
@of_a_bot_here
def piece(request: HttpRequest, vault: VaultWriter, bot_id: uuid.UUID, line: str, start: int) -> HttpResponse:
    """A part of its log that begins at `start`. Its complete records are kept; `end` is where they end.

    With `?merge=1` the pieces that are there and have the same bytes are merged, up to `end`.
    """
    if not LINE.fullmatch(line) or start > FURTHEST:
        return answer(422, "bad_name", "There is no such line of a log.")
    if refusal := _refusal_of_room(bot_id):
        return refusal
    with _sealing:
        if request.GET.get("merge"):
            end, change = vault.merge(bot_id, line, start, request.read())
        else:
            put, change = vault.log(bot_id, line, start, request.read())
            end = put.end if put else start
    ledger.took(bot_id, change)
    return JsonResponse({"end": end})


@csrf_exempt
@require_http_methods(["PUT"])
@of_a_bot_here
def small(request: HttpRequest, vault: VaultWriter, bot_id: uuid.UUID, what: str) -> HttpResponse:
    """The bot's secret, or another of its small files."""
    content = request.read()
    if what not in _SMALL:
        return answer(404, "not_kept", "Nothing with that name is kept for a bot.")
    if what == SECRET and not _is_its_own(bot_id, content):
        return answer(409, "another_identity", "This is not the secret of that bot.")
    if refusal := _refusal_of_room(bot_id):
        return refusal
    ledger.took(bot_id, vault.small(bot_id, what, content))
    return HttpResponse(status=204)


@csrf_exempt
@require_http_methods(["PUT"])
@of_a_bot_here
def blob(request: HttpRequest, vault: VaultWriter, bot_id: uuid.UUID, name: str) -> HttpResponse:
    if not _BLOB.fullmatch(name):
        return answer(422, "bad_name", "A blob is named by its digest, in hexadecimal.")
    if refusal := _refusal_of_room(bot_id):
        return refusal
    with _sealing:
        try:
            change = vault.blob(bot_id, name, request.read())
        except ValueError:
            return answer(409, "another_blob", "The content of this blob does not match its name.")
    ledger.took(bot_id, change)
    return HttpResponse(status=204)


@csrf_exempt
@require_POST
def looks(request: HttpRequest, minion_id: str) -> HttpResponse:
    """`{ID: [behind, seconds, trouble]}` for each bot: how up to date its copy is."""
    try:
        said = json.loads(request.body)
        seen = {uuid.UUID(bot_id): _look(*look) for bot_id, look in said.items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return answer(422, "bad_looks", "Say for each bot how far behind it is.")
    if len(seen) > MOST_BOTS:
        return answer(422, "bad_looks", f"No machine runs more than {MOST_BOTS} bots.")
    here = Placement.objects.filter(machine__minion_id=minion_id, bot_id__in=seen)
    mine = here.values_list("bot_id", flat=True)
    ledger.looked({bot_id: seen[bot_id] for bot_id in mine})
    return HttpResponse(status=204)


def _look(behind: object, seconds: object, trouble: object) -> ledger.Look:
    if not (isinstance(behind, int) and isinstance(seconds, int) and isinstance(trouble, str)):
        raise TypeError("an entry must be two numbers and a text")
    return ledger.Look(min(max(behind, 0), FURTHEST), min(max(seconds, 0), FURTHEST), storable(trouble[:300]))


@cache
def _vault() -> VaultWriter:
    if not configuration().vault:
        raise VaultTrouble("There is no vault: BUTT_VAULT is not set.")
    return writing(configuration())


def _refusal_of_room(bot_id: uuid.UUID) -> HttpResponse | None:
    most = round(configuration().vault_gib * (1 << 30))
    if Vaulted.objects.filter(bot_id=bot_id, size__gte=most).exists():
        return answer(507, "vault_full", "It has used up its room in the vault: BUTT_VAULT_GIB.")
    return None


def _is_its_own(bot_id: uuid.UUID, secret: bytes) -> bool:
    try:
        keys = KeyPair.parse(secret.decode())
    except (InvalidFormat, UnicodeDecodeError):
        return False
    return Placement.objects.filter(bot_id=bot_id, ssb_id=keys.id).exists()
