"""The operations on who pays for a bot."""

import uuid
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema

from butt.agents.models import Agent
from butt.billing import takeover
from butt.billing.chosen import billing
from butt.billing.interface import Price
from butt.billing.payers import payer_of
from butt.public.api.bearer import bot_of_caller
from butt.public.api.shapes import REFUSALS_WITH_MONEY, Body, Shape

router = Router(tags=["payer"])


class PriceShape(Shape):
    amount: int = Field(description="In the currency's smallest unit, a month, before tax.")
    currency: str


class WantedShape(Schema):
    since: datetime
    stopsAt: datetime | None = Field(None, description="When it stops; none while its payer still pays.")
    leavesAt: datetime | None = Field(None, description="When it leaves; none while it runs.")


class PayerShape(Schema):
    payer: uuid.UUID | None
    price: PriceShape = Field(description="What it costs, or would cost, the caller.")
    wanted: WantedShape | None = Field(None, description="Present while somebody has to agree to pay.")


class Agreement(Body):
    amount: int = Field(ge=0, le=10**9)
    currency: str = Field(max_length=3)


@router.get("/agents/{agent_id}/payer", response={200: PayerShape, **REFUSALS_WITH_MONEY})
def payer(request: HttpRequest, agent_id: uuid.UUID) -> Any:
    """Who pays for a bot, and whether somebody else is asked to."""
    return _shape(*bot_of_caller(request, agent_id))


@router.put("/agents/{agent_id}/payer", response={200: PayerShape, **REFUSALS_WITH_MONEY})
def agree(request: HttpRequest, agent_id: uuid.UUID, body: Agreement) -> Any:
    """Pay for a bot from now on, at the price that `GET` gave. 409 if nobody is asked to, or the price changed."""
    person, bot = bot_of_caller(request, agent_id)
    takeover.agree(billing(), person, bot, Price(body.amount, body.currency))
    return _shape(person, bot)


def _shape(person: Agent, bot: Agent) -> dict[str, Any]:
    price, asked = billing().price(person, bot.service), takeover.question_of(bot)
    wanted = None
    if asked and billing().takes_money:
        runs = not (asked.leaver_id or asked.stopped_at)
        wanted = {
            "since": asked.since,
            "stopsAt": asked.stops_at if runs else None,
            "leavesAt": asked.leaves_at,
        }
    return {
        "payer": payer_of(bot) if billing().takes_money else None,
        "price": price,
        "wanted": wanted,
    }
