"""Who may do what: every page and every call of the API, tried by everybody. A new path is a new line here.

`my` is a bot of Alice (its owner), Carol (a co-owner) and Mo (a moderator); Bob has nothing to do with it,
Olga is an operator. Each line is tried by itself: what one changes is undone before the next.

    start  redirected to sign in    again  asked to prove again who they are
    on     done, and redirected     a number is the status of the answer

Nobody pays in this service, so it has no payment pages. `tests/billing` tries them.
"""

import json
import re
import shutil
from collections.abc import Iterator

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from butt.accounts import owners
from butt.accounts.models import Account
from butt.accounts.scopes import EVERYTHING, Scope
from butt.accounts.tokens import issue_token
from butt.agents.models import Agent, Progress, Role
from butt.agents.states import State
from butt.invites.models import Invite
from butt.public.api.api import api
from tests.exports.folders import KEYS, fill, folder_of
from tests.machines.machines import machine
from tests.people import account, bot_in, ssb_id

pytestmark = pytest.mark.django_db

PAGES = """
                                                    nobody  other  moderator  co-owner  owner  operator
GET  /                                              200     200    200        200       200    200
GET  /up                                            200     200    200        200       200    200
GET  /ready                                         503     503    503        503       503    503
GET  /start                                         200     on     on         on        on     on
POST /start                                         422     on     on         on        on     on
POST /sign-out                                      on      on     on         on        on     on
GET  /login                                         200     on     on         on        on     on
POST /login                                         422     on     on         on        on     on
GET  /login/app                                     410     410    410        410       410    410
POST /login/app                                     410     410    410        410       410    410
GET  /login/live                                    204     204    204        204       204    204
GET  /newbie                                        start   200    on         on        on     200
POST /newbie                                         start   422    on         on        on     422
GET  /name                                          start   200    200        200       200    200
GET  /bots                                          start   200    200        200       200    200
GET  /bots/new                                      start   200    200        200       200    200
POST /bots/new                                      start   422    on         on        on     422
GET  /bots/import                                   start   200    200        200       200    200
POST /bots/{name}/caught-up                         start   404    403        on        on     404
GET  /bots/{name}/copy                              start   again  again      again     again  again
POST /bots/{name}/copy                              start   again  again      again     again  again
POST /bots/{name}/come-back                         start   404    403        on        on     404
GET  /bots/{name}                                   start   404    200        200       200    404
GET  /bots/{name}/status                            start   404    200        200       200    404
GET  /bots/{name}/log                               start   404    403        200       200    404
GET  /bots/{name}/log/lines                         204     404    404        200       200    404
GET  /bots/{name}/invites                           start   404    200        200       200    404
GET  /bots/{name}/invites/new                       start   404    200        200       200    404
POST /bots/{name}/invites/new                       start   404    422        422       422    404
POST /bots/{name}/invites/{invite_id}/revoke        start   404    on         on        on     404
GET  /bots/{name}/listing                           start   404    on         on        on     404
POST /bots/{name}/listing                           start   404    on         on        on     404
GET  /bots/{name}/upgrade                           start   404    403        200       200    404
POST /bots/{name}/upgrade                           start   404    403        on        on     404
GET  /bots/{name}/export                            start   404    403        200       200    404
GET  /bots/{name}/export/password                   start   404    403        200       200    404
POST /bots/{name}/export/password                   start   404    403        422       422    404
GET  /bots/{name}/delete                            start   404    403        200       200    404
POST /bots/{name}/delete                            start   404    403        422       422    404
GET  /bots/{name}/network                           start   404    403        200       200    404
POST /bots/{name}/network                            start   404    403        422       422    404
GET  /bots/{name}/limits                            start   404    403        200       200    404
POST /bots/{name}/limits                             start   404    403        on        on     404
GET  /bots/{name}/members                           start   404    200        200       200    404
POST /bots/{name}/members                            start   404    422        422       422    404
GET  /bots/{name}/people                            start   404    200        200       200    404
POST /bots/{name}/people                            start   404    403        422       422    404
POST /bots/{name}/people/leave                      start   404    on         on        on     404
POST /bots/{name}/people/stay                       start   404    403        on        on     404
POST /bots/{name}/people/pay                        start   404    403        on        on     404
POST /bots/{name}/people/{person_id}/role            start   404     403        on        on     404
POST /bots/{name}/people/{number}/withdraw          start   404    403        on        on     404
POST /bots/{name}/{action}                            start   404    403        on        on     404
GET  /join/{token}                                  200     200    200        200       200    200
GET  /@{name}                                       200     200    200        200       200    200
POST /@{name}                                        404    404    404        404       404    404
GET  /@{name}/{alias}                               503     503    503        503       503    503
GET  /member/{name}                                 200     200    200        200       200    200
POST /member/{name}                                 503     503    503        503       503    503
POST /member/{name}/sign-out                        on      on     on         on        on     on
POST /member/{name}/aliases/{alias}/revoke          on      on     on         on        on     on
GET  /robots.txt                                    200     200    200        200       200    200
GET  /billing                                        404     404    404        404       404    404
GET  /billing/card                                   404     404    404        404       404    404
GET  /billing/address                                404     404    404        404       404    404
POST /billing/pay                                    404     404    404        404       404    404
POST /billing/cancel                                 404     404    404        404       404    404
POST /billing/resume                                 404     404    404        404       404    404
GET  /billing/invoices/{number}                      404     404    404        404       404    404
POST /stripe/webhook                                 404     404    404        404       404    404
GET  /share/{key}                                   start   200    200        200       200    200
POST /share/{key}                                    start   on     on         on        on     on
POST /letters                                       start   404    on         on        on     404
GET  /live                                          204     200    200        200       200    200
GET  /start/code                                    start   on     on         on        on     on
GET  /start/passkey                                 start   on     on         on        on     on
POST /start/code                                     start   on     on         on        on     on
POST /start/passkey                                  start   on     on         on        on     on
GET  /password                                      200     200    200        200       200    200
POST /password                                       200     200    200        200       200    200
GET  /password/sent                                 200     200    200        200       200    200
GET  /password/done                                 200     200    200        200       200    200
GET  /password/{uidb36}/{key}                       200     200    200        200       200    200
POST /password/{uidb36}/{key}                        200     200    200        200       200    200
GET  /account                                       start   200    200        200       200    200
POST /account                                       start   on     on         on        on     on
GET  /account/email                                 start   200    200        200       200    200
POST /account/email                                  start   on     on         on        on     on
GET  /account/email/sent                            200     200    200        200       200    200
GET  /account/email/{key}                           200     200    200        200       200    200
POST /account/email/{key}                            404     404    404        404       404    404
GET  /account/password                              start   200    200        200       200    200
POST /account/password                               start   200    200        200       200    200
GET  /account/inactive                              200     200    200        200       200    200
GET  /account/again                                 start   200    200        200       200    200
GET  /account/again/code                            start   again  again      again     again  again
GET  /account/again/passkey                         start   again  again      again     again  again
POST /account/again                                  start   200    200        200       200    200
POST /account/again/code                             start   again  again      again     again  again
POST /account/again/passkey                          start   again  again      again     again  again
GET  /account/factors                               start   200    200        200       200    200
GET  /account/factors/app                           start   again  again      again     again  again
GET  /account/factors/app/remove                    start   404    404        404       404    404
GET  /account/factors/codes                         start   404    404        404       404    404
GET  /account/factors/codes/new                     start   again  again      again     again  again
GET  /account/factors/passkeys                      start   200    200        200       200    200
GET  /account/factors/passkeys/new                  start   again  again      again     again  again
GET  /account/factors/passkeys/{pk}/name            start   again  again      again     again  again
GET  /account/factors/passkeys/{pk}/remove          start   again  again      again     again  again
POST /account/factors/app                            start   again  again      again     again  again
POST /account/factors/app/remove                     start   404    404        404       404    404
POST /account/factors/codes/new                      start   again  again      again     again  again
POST /account/factors/passkeys/new                   start   again  again      again     again  again
POST /account/factors/passkeys/{pk}/name             start   again  again      again     again  again
POST /account/factors/passkeys/{pk}/remove           start   again  again      again     again  again
GET  /account/ssb                                   start   200    200        200       200    200
GET  /account/ssb/new                               start   again  again      again     again  again
POST /account/ssb/new                               start   again  again      again     again  again
GET  /account/ssb/{number}/remove                   start   again  again      again     again  again
POST /account/ssb/{number}/remove                   start   again  again      again     again  again
GET  /account/sessions                              start   200    200        200       200    200
POST /account/sessions                               start   on     on         on        on     on
GET  /account/tokens                                start   200    200        200       200    200
GET  /account/tokens/new                            start   again  again      again     again  again
POST /account/tokens/new                             start   again  again      again     again  again
POST /account/tokens/{number}/revoke                start   on     on         on        on     on
GET  /account/webhook                               start   again  again      again     again  again
POST /account/webhook                               start   again  again      again     again  again
GET  /account/data                                  start   again  again      again     again  again
GET  /account/delete                                start   200    200        200       200    200
POST /account/delete                                start   422    422        422       422    422
POST /account/stay                                  start   on     on         on        on     on
GET  /console/                                      on      on     on         on        on     200
GET  /console/look/{person_id}                      404     404    404        404       404    200
POST /console/look/{person_id}                      404     404    404        404       404    422
GET  /console/act/person/{person_id}                404     404    404        404       404    200
POST /console/act/person/{person_id}                404     404    404        404       404    422
GET  /console/act/bot/{bot_id}                      404     404    404        404       404    200
POST /console/act/bot/{bot_id}                      404     404    404        404       404    422
GET  /console/act/machine/{machine_id}              404     404    404        404       404    200
POST /console/act/machine/{machine_id}              404     404    404        404       404    422
GET  /console/announce                              404     404    404        404       404    200
POST /console/announce                              404     404    404        404       404    422
POST /look/end                                      on      on     on         on        on     on
"""

CALLS = """
                                        nobody  other  moderator  co-owner  owner  read  operate  secrets  operator
POST   /authentication/register         422     422    422        422       422    422   422      422      422
POST   /authentication/sign-in          422     422    422        422       422    422   422      422      422
GET    /agents                          401     200    200        200       200    200   403      403      200
POST   /agents                          401     422    422        422       422    403   422      403      422
GET    /agents/{agent_id}               401     404    200        200       200    200   403      403      404
PATCH  /agents/{agent_id}               401     404    200        200       200    403   200      403      404
DELETE /agents/{agent_id}               401     404    403        202       202    403   202      403      404
POST   /agents/{agent_id}/start         401     404    403        409       409    403   409      403      404
POST   /agents/{agent_id}/stop          401     404    403        202       202    403   202      403      404
POST   /agents/{agent_id}/restart       401     404    403        202       202    403   202      403      404
POST   /agents/{agent_id}/restore       401     404    403        409       409    403   409      403      404
POST   /agents/{agent_id}/upgrade       401     404    403        202       202    403   202      403      404
POST   /agents/{agent_id}/rebuild       401     404    403        202       202    403   202      403      404
POST   /agents/import                   401     422    422        422       422    403   422      403      422
POST   /agents/{agent_id}/caught-up     401     404    403        409       409    403   409      403      404
GET    /agents/{agent_id}/vault         401     404    409        409       409    409   403      403      404
POST   /agents/{agent_id}/come-back     401     404    403        409       409    403   409      403      404
GET    /agents/{agent_id}/copy          401     404    403        409       409    403   403      409      404
PUT    /agents/{agent_id}/copy          401     422    422        422       422    403   403      422      422
POST   /agents/{agent_id}/copy          401     404    403        409       409    403   403      409      404
DELETE /agents/{agent_id}/copy          401     404    403        204       204    403   403      204      404
GET    /agents/{agent_id}/invites       401     404    200        200       200    200   403      403      404
POST   /agents/{agent_id}/invites       401     422    422        422       422    403   422      403      422
DELETE /agents/{agent_id}/invites/{invite_id}  401  404  204        204     204    403   204      403      404
GET    /agents/{agent_id}/open-invites  401     404    200        200       200    200   403      403      404
PUT    /agents/{agent_id}/open-invites  401     422    422        422       422    403   422      403      422
GET    /agents/{agent_id}/payer         401     404    403        200       200    200   403      403      404
PUT    /agents/{agent_id}/payer         401     422    422        422       422    403   422      403      422
GET    /agents/{agent_id}/people        401     404    200        200       200    200   403      403      404
POST   /agents/{agent_id}/people        401     422    422        422       422    403   422      403      422
DELETE /agents/{agent_id}/people/invited/{invitation_id}  401  404  403  204  204  403  204      403      404
PUT    /agents/{agent_id}/people/{person_id}  401  422  422      422       422    403   422      403      422
DELETE /agents/{agent_id}/people/{person_id}  401  404  403      409       204    403   204      403      404
GET    /agents/{agent_id}/peers         401     404    403        200       200    200   403      403      404
POST   /agents/{agent_id}/peers         401     422    422        422       422    403   422      403      422
GET    /agents/{agent_id}/members       401     404    503        503       503    503   403      403      404
PUT    /agents/{agent_id}/members/{ssb_id}  401  422   422        422       422    403   422      403      422
GET    /agents/{agent_id}/export/{part}  401    404    403        200       200    403   403      200      404
GET    /agents/{agent_id}/samples       401     404    200        200       200    200   403      403      404
GET    /belongs                         401     200    200        200       200    200   403      403      200
"""

OF_NO_ONE = {"/docs", "/openapi.json"}
"""Documents for everybody."""


def rows(table: str) -> Iterator[tuple[str, str, list[str]]]:
    for line in table.strip().splitlines()[1:]:
        method, path, *answers = line.split()
        yield method, path, answers


@pytest.fixture
def people() -> dict[str, Account]:
    names = {"other": "bob", "moderator": "mo", "co-owner": "carol", "owner": "alice", "operator": "olga"}
    made = {who: account(name) for who, name in names.items()}
    EmailAddress.objects.update(verified=True)
    Account.objects.filter(id=made["operator"].id).update(is_staff=True, is_superuser=True)
    return {who: Account.objects.get(id=person.id) for who, person in made.items()}


@pytest.fixture
def places(people: dict[str, Account]) -> Iterator[dict[str, str]]:
    """A value for each variable part of a path."""
    alice = people["owner"].agent
    bot = bot_in(State.ALIVE, alice)
    owners.accept(people["co-owner"].agent, owners.key_of(owners.invite(alice, bot, "carol@example.org")))
    asked = owners.invite(alice, bot, "mo@example.org", Role.MODERATOR)
    owners.accept(people["moderator"].agent, owners.key_of(asked))
    invitation = owners.invite(alice, bot, "dan@example.org")
    fill(folder_of(bot))
    Progress.objects.filter(bot=bot).update(ssb_id=KEYS.id)
    invite = Invite.objects.create(
        bot=bot, name="erin", seed=b"s" * 32, code_id="@c", offered_at=timezone.now()
    )
    yield {
        "name": "my",
        "action": "stop",
        "number": str(invitation.id),
        "bot_id": str(bot.id),
        "pk": "1",
        "key": owners.key_of(invitation),
        "uidb36": "1",
        "person_id": str(alice.id),
        "machine_id": str(machine("m1").id),
        "agent_id": str(bot.id),
        "invite_id": str(invite.id),
        "invitation_id": str(invitation.id),
        "token": invite.token,
        "alias": "frida",
        "part": "secret",
        "ssb_id": ssb_id(7),
    }
    shutil.rmtree(folder_of(bot).path)


def test_every_page_answers_everybody_as_in_the_table(people: dict, places: dict[str, str]):
    columns = ["nobody", "other", "moderator", "co-owner", "owner", "operator"]
    wrong = []
    for method, path, told in rows(PAGES):
        for who, answer in zip(columns, told, strict=True):
            client = Client()
            with transaction.atomic():
                if who in people:
                    client.force_login(people[who])
                seen = _verdict(client.generic(method, path.format(**places), "bot=my&name=", FORM))
                transaction.set_rollback(True)
            if seen != answer:
                wrong.append(f"{method} {path}: {who} gets {seen}, not {answer}")
    assert not wrong, "\n".join(wrong)


def test_every_call_answers_everybody_as_in_the_table(people: dict, places: dict[str, str]):
    tokens = {who: issue_token(person) for who, person in people.items()}
    tokens |= {str(scope): issue_token(people["owner"], "x", frozenset({scope})) for scope in Scope}
    columns = ["nobody", "other", "moderator", "co-owner", "owner", "read", "operate", "secrets", "operator"]
    wrong = []
    for method, path, told in rows(CALLS):
        for who, answer in zip(columns, told, strict=True):
            client = Client(headers={"Authorization": f"Bearer {tokens[who]}"} if who in tokens else {})
            body = json.dumps({"description": "x"})
            with transaction.atomic():
                seen = client.generic(method, path.format(**places), body, "application/json").status_code
                transaction.set_rollback(True)
            if str(seen) != answer:
                wrong.append(f"{method} {path}: {who} gets {seen}, not {answer}")
    assert not wrong, "\n".join(wrong)


def test_every_path_is_in_the_tables():
    pages = {path for _, path, _ in rows(PAGES)}
    calls = {(method, path) for method, path, _ in rows(CALLS)}
    described = {
        (method.upper(), path)
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method in methods
    }
    assert calls == described
    assert pages | {path for _, path in described} | OF_NO_ONE == set(
        _paths(get_resolver("butt.public.urls"))
    )


def test_the_console_is_closed_to_everybody_but_staff(people: dict):
    paths = [
        f"/console{path}" for path in _paths(URLResolver(_Root(), admin.site.urls[0])) if "<" not in path
    ]
    assert len(paths) > 5
    for path in (re.sub(r"\{\w+\}", "1", path) for path in paths):
        assert _verdict(Client().get(path)) in {"start", "on"}, path
        bob = Client()
        bob.force_login(people["other"])
        assert bob.get(path).status_code in {302, 404}, path
        assert b"example.org" not in bob.get(path, follow=True).content.replace(b"bob@example.org", b""), path


def test_a_token_for_everything_has_all_scopes():
    assert {str(scope) for scope in EVERYTHING} == {"read", "operate", "secrets"}


def test_only_one_bot_is_shared(people: dict, places: dict):
    assert Agent.objects.filter(type=Agent.Type.BOT).count() == 1


FORM = "application/x-www-form-urlencoded"


class _Root:
    def __str__(self) -> str:
        return "/"

    def check(self) -> list[object]:
        return []


def _verdict(answer: object) -> str:
    if answer.status_code != 302:
        return str(answer.status_code)
    target = answer["Location"]
    return "start" if re.match("/start($|[?])", target) else "again" if "/account/again" in target else "on"


def _paths(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    """Every path there is, as the tables write it; the console counts as one."""
    for pattern in resolver.url_patterns:
        path = prefix + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        if isinstance(pattern, URLPattern) or path == "/console/":
            yield path
        else:
            yield from _paths(pattern, path)
