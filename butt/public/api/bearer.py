"""Who calls, and what their token allows. The only place where scopes are enforced."""

import re
import uuid

from django.http import HttpRequest
from ninja.security import HttpBearer

from butt.accounts.scopes import Scope
from butt.accounts.tokens import holder_of
from butt.agents.bots import bot_by_id
from butt.agents.models import Agent, Role

READING = {"GET", "HEAD", "OPTIONS"}
BY_PATH: list[tuple[set[str], re.Pattern[str], Scope]] = [
    (READING, re.compile(r"/agents/[^/]+/export/(secret|all)"), Scope.SECRETS),
    ({"GET", "HEAD", "PUT", "POST", "DELETE"}, re.compile(r"/agents/[^/]+/copy"), Scope.SECRETS),
]
"""Operations that need another scope than their method suggests: reading needs `read`, everything else `operate`."""


class NotInScope(Exception):
    def __init__(self, needed: Scope) -> None:
        super().__init__(needed)
        self.needed = needed


class Bearer(HttpBearer):
    """`request.auth` is the person. Raises `NotInScope` if their token lacks the scope."""

    def authenticate(self, request: HttpRequest, token: str) -> Agent | None:
        holder = holder_of(token)
        if holder is None:
            return None
        needed = scope_of(request.method or "", request.path)
        if needed not in holder.scopes:
            raise NotInScope(needed)
        return holder.person


def caller(request: HttpRequest) -> Agent:
    """The person on whose behalf a call with a token is made."""
    person = request.auth  # type: ignore[attr-defined]
    if not isinstance(person, Agent):
        raise TypeError("this call needs auth")
    return person


def bot_of_caller(request: HttpRequest, bot_id: uuid.UUID, least: Role = Role.OWNER) -> tuple[Agent, Agent]:
    """The caller, and the bot with this id, with which they may do what `least` may. Raises what `bot_by_id` raises."""
    person = caller(request)
    return person, bot_by_id(person, bot_id, least)


def scope_of(method: str, path: str) -> Scope:
    for methods, pattern, scope in BY_PATH:
        if method in methods and pattern.fullmatch(path):
            return scope
    return Scope.READ if method in READING else Scope.OPERATE
