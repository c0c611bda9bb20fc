from django.http import HttpRequest

from butt.accounts.models import Account
from butt.configuration import configuration
from butt.public.letters import is_verified
from butt.public.pages.person import look_of


def site(request: HttpRequest) -> dict[str, object]:  # noqa: ARG001
    """What every page may say of the site itself."""
    settings = configuration()
    return {"site_name": settings.site_name, "domain": settings.domain, "keep_days": settings.keep_days}


def banners(request: HttpRequest) -> dict[str, object]:
    """What a page tells of the account above all else; asked only when it is shown."""
    return {"unverified": lambda: _unverified(request), "look": lambda: _look(request)}


def _look(request: HttpRequest) -> object:
    return look_of(request) if isinstance(request.user, Account) else None


def _unverified(request: HttpRequest) -> bool:
    """Noted when they signed in, so that those who are verified cost nothing."""
    account = request.user
    if not (isinstance(account, Account) and request.session.get("unverified")):
        return False
    if is_verified(account):
        del request.session["unverified"]
        return False
    return True
