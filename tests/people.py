"""Alice has bots, Bob has others, Charlie has none."""

from butt.accounts.entry import register
from butt.accounts.models import Account
from butt.agents.models import Agent, Observed, Progress
from butt.agents.states import State
from butt.agents.wishes import create_bot

PASSWORD = "correct horse battery"


def account(name: str) -> Account:
    return register(f"{name}@example.org", PASSWORD, name.title())


def person(name: str) -> Agent:
    return account(name).agent


def bot_in(state: State, owner: Agent, name: str = "my") -> Agent:
    """A bot as the steward and the monitor would have left it in `state`."""
    bot = create_bot(owner, name)
    number = Progress.objects.count()
    Progress.objects.filter(bot=bot).update(
        state=state, launch=1, address="127.0.0.1", port=9000 + number, release="r1", ssb_id=ssb_id(number)
    )
    Observed.objects.filter(bot=bot).update(alive=state is State.ALIVE, launch=1)
    return Agent.objects.select_related("wanted", "progress", "observed").get(id=bot.id)


def ssb_id(number: int) -> str:
    return f"@{number:043d}=.ed25519"
