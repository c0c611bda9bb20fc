import functools

from django.http import HttpRequest

from butt.accounts.models import Account
from butt.billing import takeover
from butt.billing.chosen import billing
from butt.billing.interface import Notice
from butt.billing.models import PayerWanted
from butt.configuration import configuration
from butt.public.letters import is_verified
from butt.public.pages.person import look_of, person_of


def site(request: HttpRequest) -> dict[str, object]:
    """What every page may say of the site itself, and of a payment that its reader owes or is asked for."""
    settings = configuration()

    @functools.cache
    def due() -> Notice | None:
        person = person_of(request) if billing().takes_money else None
        return billing().notice(person) if person else None

    @functools.cache
    def payers_wanted() -> list[PayerWanted]:
        person = person_of(request)
        return takeover.questions_to(person) if person else []

    return {
        "site_name": settings.site_name,
        "domain": settings.domain,
        "keep_days": settings.keep_days,
        "price": settings.price,
        "room_price": settings.room_price if settings.rooms_cost_their_own else 0,
        "currency": settings.currency,
        "tax": settings.tax,
        "terms": settings.terms,
        "privacy": settings.privacy,
        "imprint": settings.imprint,
        "contact": settings.contact,
        "takes_money": billing().takes_money,
        "is_pretended": billing().is_pretended,
        "due": due,
        "payers_wanted": payers_wanted,
    }


def banners(request: HttpRequest) -> dict[str, object]:
    """What a page says of the account at its top; queried only when shown."""
    return {"unverified": lambda: _unverified(request), "look": lambda: _look(request)}


def _look(request: HttpRequest) -> object:
    return look_of(request) if isinstance(request.user, Account) else None


def _unverified(request: HttpRequest) -> bool:
    """Stored when they sign in, so that verified people cost no query."""
    account = request.user
    if not (isinstance(account, Account) and request.session.get("unverified")):
        return False
    if is_verified(account):
        del request.session["unverified"]
        return False
    return True
