"""Alice has bots, Bob has others, Charlie has none."""

import base64
from functools import cache

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password

from butt.accounts.models import Account
from butt.agents.actions import create_bot
from butt.agents.models import Agent, Belongs, Observed, Progress, Wanted
from butt.agents.states import State
from tests.visitor import PASSWORD


@cache
def digest() -> str:
    """The digest of `PASSWORD`, computed once: each takes a fifth of a second of CPU."""
    return make_password(PASSWORD)


def account(name: str) -> Account:
    """An account as `register` leaves it."""
    agent = Agent.objects.create(type=Agent.Type.PERSON, name=name.title())
    made = Account.objects.create(email=f"{name.lower()}@example.org", agent=agent, password=digest())
    EmailAddress.objects.create(user=made, email=made.email, primary=True, verified=False)
    return made


def person(name: str) -> Agent:
    return account(name).agent


def bot_in(state: State, owner: Agent, name: str = "my") -> Agent:
    """A bot as the steward and the monitor would have left it in `state`."""
    bot = create_bot(owner, name)
    number = Progress.objects.count()
    Progress.objects.filter(bot=bot).update(
        state=state, launch=1, address="127.0.0.1", port=9000 + number, release="r1", ssb_id=ssb_id(number)
    )
    wanted = {"run": state not in (State.STOPPED, State.STOPPING), "paid": state is not State.UNPAID}
    Wanted.objects.filter(bot=bot).update(**wanted)
    Observed.objects.filter(bot=bot).update(alive=state is State.ALIVE, launch=1)
    return Agent.objects.select_related("wanted", "progress", "observed").get(id=bot.id)


def ssb_id(number: int) -> str:
    return f"@{base64.b64encode(number.to_bytes(32)).decode()}.ed25519"


def many_bots(owner: Agent, count: int) -> None:
    """More bots than a person may have, all alive."""
    bots = [Agent(type=Agent.Type.BOT, name=f"bot{n}", service="pub") for n in range(count)]
    Agent.objects.bulk_create(bots)
    Belongs.objects.bulk_create(Belongs(source_agent=bot, target_agent=owner, pays=True) for bot in bots)
    Wanted.objects.bulk_create(Wanted(bot=bot) for bot in bots)
    Observed.objects.bulk_create(Observed(bot=bot, alive=True, launch=1) for bot in bots)
    Progress.objects.bulk_create(
        Progress(bot=bot, state=State.ALIVE, launch=1, address="127.0.0.1", port=9000 + n, ssb_id=ssb_id(n))
        for n, bot in enumerate(bots)
    )
