from django.http import HttpRequest

from butt.configuration import configuration


def site(request: HttpRequest) -> dict[str, object]:  # noqa: ARG001
    """What every page may say of the site itself."""
    settings = configuration()
    return {"site_name": settings.site_name, "domain": settings.domain, "keep_days": settings.keep_days}
