"""Registering and signing in: how a program gets its token."""

from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from butt.accounts import entry
from butt.accounts.models import Account
from butt.accounts.tokens import issue_token
from butt.agents.view import View
from butt.public.addresses import address_of
from butt.public.api.shapes import AgentShape, Body, Error, agent_shape
from butt.public.letters import ask_to_verify

router = Router(tags=["authentication"], auth=None, by_alias=True, exclude_unset=True)


class RegisterBody(Body):
    email: str = Field(max_length=254)
    password: str
    name: str = ""


class SignInBody(Body):
    email: str = Field(max_length=254)
    password: str
    code: str | None = Field(
        None,
        max_length=64,
        pattern="^[^\\x00]*$",
        description="The code of the second factor, if there is one.",
    )


class SignedIn(Schema):
    accessToken: str
    agent: AgentShape


@router.post("/register", response={201: SignedIn, 409: Error, 422: Error, 429: Error})
def register(request: HttpRequest, body: RegisterBody) -> Any:
    """Create a person, with an access token."""
    account = entry.register(body.email, body.password, body.name, address=address_of(request))
    ask_to_verify(request, account)
    return Status(201, _entry(account))


@router.post("/sign-in", response={201: SignedIn, 401: Error, 422: Error, 429: Error})
def sign_in(request: HttpRequest, body: SignInBody) -> Any:
    """An access token for an existing person."""
    address = address_of(request)
    account = entry.sign_in(body.email, body.password, address)
    entry.pass_second_factor(account, body.code, address)
    return Status(201, _entry(account))


def _entry(account: Account) -> dict[str, Any]:
    return {"accessToken": issue_token(account), "agent": agent_shape(View(account.agent))}
