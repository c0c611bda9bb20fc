"""Exporting a bot's data."""

import uuid
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Header, Router

from butt.exports.age import LONGEST_PASSPHRASE
from butt.exports.bundle import ExportPart
from butt.public import downloads
from butt.public.api.bearer import bot_of_caller
from butt.public.api.shapes import Error

router = Router(tags=["exports"])
BYTES = {"schema": {"type": "string", "format": "binary"}}
FILE = {
    "content": {
        "application/octet-stream": BYTES,
        "application/x-tar": BYTES,
        "application/json": {"schema": {"description": "The peers that the bot knows, as it keeps them."}},
    }
}
EncryptTo = Annotated[
    str,
    Header(
        alias="Encrypt-To",
        max_length=LONGEST_PASSPHRASE,
        pattern=r"^[\x20-\x7e]*$",
        description="An age key, or a passphrase: the file comes encrypted, and `.age` is added to its name.",
    ),
]


@router.get(
    "/agents/{agent_id}/export/{part}",
    response={401: Error, 404: Error, 409: Error, 422: Error, 429: Error, 503: Error},
    openapi_extra={"responses": {200: {"description": "The file, streamed.", **FILE}}},
)
def export(request: HttpRequest, agent_id: uuid.UUID, part: ExportPart, encrypt_to: EncryptTo = "") -> Any:
    """One part of a bot's data, or all of it: a data folder that ssb-server starts on. Running it elsewhere
    while the bot runs here forks its feed.
    """
    person, bot = bot_of_caller(request, agent_id)
    return downloads.export(request, person, bot, part, way="api", encrypt_to=encrypt_to)
