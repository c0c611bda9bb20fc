import functools

from django.http import HttpRequest

from butt.billing.chosen import billing
from butt.billing.interface import Notice
from butt.configuration import configuration
from butt.public.pages.person import person_of


def site(request: HttpRequest) -> dict[str, object]:
    """What every page may say of the site itself, and of a payment that its reader owes."""
    settings = configuration()

    @functools.cache
    def due() -> Notice | None:
        person = person_of(request) if billing().takes_money else None
        return billing().notice(person) if person else None

    return {
        "site_name": settings.site_name,
        "domain": settings.domain,
        "keep_days": settings.keep_days,
        "price": settings.price,
        "takes_money": billing().takes_money,
        "is_pretended": billing().is_pretended,
        "due": due,
    }
