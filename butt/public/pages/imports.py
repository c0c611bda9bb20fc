"""Importing a pub from elsewhere as a bot.

The form works without JavaScript, so its file comes as multipart. It is filtered as it arrives: none of it is
kept in memory, nor on disk except where it belongs.
"""

from contextlib import ExitStack
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, ensure_csrf_cookie

from butt.accounts.terms import agree
from butt.agents.actions import Refused
from butt.agents.bots import bot_by_name
from butt.agents.models import Agent
from butt.billing.chosen import billing
from butt.configuration import configuration
from butt.imports.catchup import say_caught_up
from butt.imports.receiving import FORK, Receiving
from butt.public.pages.networks import network_in
from butt.public.pages.person import account_of, for_person
from butt.public.pages.sorry import refusals_shown
from butt.public.uploads import incoming

STATUS = {"too_big": 413, "disk_full": 507, "broken_off": 408}


LEFT_OUT = "Left {count} unusable entries out of its gossip.json. It will find peers again."


class NotFromHere(Exception):
    """The form did not come from our page."""

    def __init__(self, answer: HttpResponseBase) -> None:
        super().__init__()
        self.answer = answer


class Form(FileUploadHandler):
    """The parts of the form in order: its fields arrive before its file."""

    chunk_size = 1 << 16

    def __init__(self, request: HttpRequest, person: Agent, stack: ExitStack) -> None:
        super().__init__(request)
        self._person, self._stack = person, stack
        self.fields: QueryDict = QueryDict()
        self.parser: MultiPartParser
        self.receiving: Receiving | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.receiving:
            raise Refused("bad_archive", "Upload one file.", "file")
        # The fields before the file; the parser returns them only at the end.
        self.fields = self.parser._post  # type: ignore[attr-defined] # noqa: SLF001
        _check_token(self._asked(), self.fields.get("csrfmiddlewaretoken", ""))
        self.receiving = self._stack.enter_context(
            Receiving(
                self._person,
                self.fields.get("bot", ""),
                stopped=self.fields.get("stopped") == "for-good",
                network=network_in(self.fields, default=""),
                size=incoming(self._asked()).size,
            )
        )

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:  # noqa: ARG002
        if self.receiving is None:
            raise StopUpload(connection_reset=True)
        self.receiving.feed(raw_data)

    def file_complete(self, file_size: int) -> None:  # noqa: ARG002
        return None

    def bot(self) -> Agent:
        if self.receiving is None:
            raise Refused("bad_archive", "Choose the tar file to import.", "file")
        return self.receiving.bot()

    @property
    def left_out(self) -> int:
        return self.receiving.left_out if self.receiving else 0

    def _asked(self) -> HttpRequest:
        if self.request is None:
            raise TypeError("a form comes with a request")
        return self.request


@csrf_exempt
@ensure_csrf_cookie
@for_person
def bring(request: HttpRequest, person: Agent) -> HttpResponseBase:
    if billing().needs_card(person):
        return redirect(f"{reverse('card')}?next={reverse('import')}")
    if request.method != "POST":
        return _shown(request, {})
    with ExitStack() as stack:
        form = Form(request, person, stack)
        try:
            billing().check_may_add(person)
            form.parser = MultiPartParser(request.META, cast("Any", incoming(request)), [form], "utf-8")
            form.fields, _ = form.parser.parse()
            _check_token(request, form.fields.get("csrfmiddlewaretoken", ""))
            agree(account_of(request), configuration().terms, timezone.now())
            bot = form.bot()
            if form.left_out:
                messages.info(request, LEFT_OUT.format(count=form.left_out))
        except NotFromHere as stranger:
            return stranger.answer
        except MultiPartParserError:
            return _shown(request, {"errors": {"file": "The upload is incomplete."}}, 422)
        except Refused as no:
            fields = {"name": "bot", "stopped": "stopped", "network": "network"}
            said = {fields.get(no.field, "file"): no.message}
            kept = {
                field: form.fields.get(field, "") for field in ("bot", "stopped", "network", "network_key")
            }
            return _shown(request, {**kept, "errors": said}, STATUS.get(no.code, 422))
    return redirect("bot", bot.name)


@for_person
def caught_up(request: HttpRequest, person: Agent, name: str) -> HttpResponse:
    """After signing in, people come here by GET, which confirms nothing."""
    bot = bot_by_name(person, name)
    if request.method == "POST":
        with refusals_shown(request):
            say_caught_up(person, bot)
    return redirect("bot", bot.name)


def _shown(request: HttpRequest, said: dict[str, Any], status: int = 200) -> HttpResponse:
    shown = {"fork": FORK, "most": f"{configuration().import_gib:g}", **said}
    return render(request, "import.html", shown, status=status)


def _check_token(request: HttpRequest, token: str) -> None:
    """As for every form; Django's own check would need the whole body first."""
    request.POST = QueryDict(urlencode({"csrfmiddlewaretoken": token}))
    checker = CsrfViewMiddleware(lambda _: HttpResponse())
    if answer := checker.process_view(request, _shown, (), {}):
        raise NotFromHere(answer)
