"""What operators do to a bot. `actor` is the operator's agent, or the name of the user who ran the
command.
"""

from django.db import IntegrityError, transaction
from django.db.models import F

from butt.accounts.mailing import write_to
from butt.accounts.models import Account
from butt.accounts.owners import owners_of, settle
from butt.agents import journal
from butt.agents.actions import Refused, check_bot_name, check_may_have_another
from butt.agents.models import Agent, Belongs, Role, Wanted
from butt.agents.wake import wake_steward
from butt.configuration import configuration
from butt.operating import NotDone

Actor = Agent | str


def block(actor: Actor, bot: Agent, reason: str) -> None:
    """Stop the bot and hide its pages until operators unblock it. Its owners and moderators can read the reason."""
    with transaction.atomic():
        Wanted.objects.filter(bot=bot).update(blocked=reason)
        journal.note(bot, actor, "blocked", reason=reason)
        wake_steward(bot.id)


def unblock(actor: Actor, bot: Agent, reason: str) -> None:
    """Let the bot run again, if it is wanted running. Raises `NotDone`."""
    with transaction.atomic():
        if not Wanted.objects.filter(bot=bot).exclude(blocked="").update(blocked=""):
            raise NotDone(f"{bot.name} is not blocked, so there is nothing to undo.")
        journal.note(bot, actor, "unblocked", reason=reason)
        wake_steward(bot.id)


def take_pages_down(actor: Actor, bot: Agent, reason: str) -> None:
    """Hide the bot's own page and those of its invites. It keeps running, and codes already given out keep
    working.
    """
    _set_pages(actor, bot, reason, down=True)


def put_pages_up(actor: Actor, bot: Agent, reason: str) -> None:
    """Show the pages again."""
    _set_pages(actor, bot, reason, down=False)


def rename(actor: Actor, bot: Agent, reason: str, name: str) -> None:
    """Give the bot another name. It restarts and is then reached at its new address. Raises `NotDone`.

    Pages of invites already given out stay, and show the new address.
    """
    before = bot.name
    try:
        name = check_bot_name(name)
        with transaction.atomic():
            Agent.objects.filter(id=bot.id).update(name=name)
            Wanted.objects.filter(bot=bot, run=True).update(restarts=F("restarts") + 1)
            bot.name = name
            journal.note(bot, actor, "renamed", before=before, reason=reason)
            wake_steward(bot.id)
    except Refused as no:
        raise NotDone(no.message) from None
    except IntegrityError:
        raise NotDone(f"“{name}” is taken.") from None
    domain = configuration().domain
    _tell(
        bot,
        f"{before} is now called {name}",
        f"Your bot {before}.{domain} has a new name: {name}.{domain}. It restarts, and from then on you reach it at that address. "
        f"The links of your invites work as before.\n\nThe reason: {reason}\n",
    )


def hand_over(actor: Actor, bot: Agent, reason: str, email: str) -> None:
    """Make the bot belong to the person with this address, and to nobody else. Raises `NotDone`."""
    to = Account.objects.filter(email=email.strip().lower(), is_active=True).first()
    if to is None:
        raise NotDone(f"There is no open account with the address {email}.")
    before = list(owners_of(bot).values_list("email", flat=True))
    with transaction.atomic():
        if not Belongs.objects.filter(source_agent=bot, target_agent=to.agent).exists():
            try:
                check_may_have_another(to.agent)
            except Refused:
                raise NotDone(f"{email} has as many bots as they may have. Allow them more first.") from None
            Belongs.objects.create(source_agent=bot, target_agent=to.agent)
        Belongs.objects.filter(source_agent=bot, target_agent=to.agent).update(role=Role.OWNER)
        Belongs.objects.filter(source_agent=bot).exclude(target_agent=to.agent).delete()
        journal.note(bot, actor, "handed over", to=str(to.agent_id), reason=reason)
        settle([bot.id])
    for address in {*before, to.email}:
        write_to(
            [address],
            f"{bot.name} belongs to somebody else now" if address != to.email else f"{bot.name} is yours now",
            f"The bot {bot.full_name} was handed over by those who run this service.\n\nThe reason: {reason}\n",
        )


def _set_pages(actor: Actor, bot: Agent, reason: str, *, down: bool) -> None:
    with transaction.atomic():
        if not Wanted.objects.filter(bot=bot).exclude(page_down=down).update(page_down=down):
            raise NotDone(f"The pages of {bot.name} are {'down already' if down else 'up'}.")
        journal.note(bot, actor, "pages down" if down else "pages up", reason=reason)


def _tell(bot: Agent, subject: str, text: str) -> None:
    for email in owners_of(bot).filter(is_active=True).values_list("email", flat=True):
        write_to([email], subject, text)
