"""The keys that a cloud is called with: when they expire, and an email to operators before that.

Without valid keys no machine is made, repaired or removed, and nobody would notice until one is needed.
"""

import logging
from datetime import datetime
from urllib.parse import urljoin

from django.db.models import F
from django.utils import timezone

from butt.accounts.mailing import write_to
from butt.accounts.models import Account
from butt.clouds.interface import KEY_ENDS_SOON, Cloud, CloudTrouble
from butt.clouds.models import AccessKey
from butt.configuration import configuration

log = logging.getLogger("butt.clouds")


def look(cloud: Cloud) -> bool:
    """Ask the cloud when its keys expire, and write that down. False if it did not say."""
    seen: dict[str, object] = {"at": timezone.now(), "trouble": "", "mend": ""}
    try:
        access = cloud.access()
    except CloudTrouble as trouble:
        log.warning("the cloud did not say when its keys expire: %s %s", trouble, trouble.mend)
        seen |= {"trouble": str(trouble), "mend": trouble.mend}
    else:
        seen |= {"ends_at": access.ends_at, "renew": access.renew}
    AccessKey.objects.update_or_create(cloud=configuration().cloud, defaults=seen)
    return not seen["trouble"]


def ending(now: datetime) -> list[AccessKey]:
    """Keys that end soon or have ended, and that operators are to be told about."""
    return list(AccessKey.objects.filter(ends_at__lte=now + KEY_ENDS_SOON).exclude(told_of=F("ends_at")))


def tell_operators(now: datetime) -> None:
    """Write to each operator about a key that ends soon: once per end, because its mark is set before the email goes."""
    operators = Account.objects.filter(is_staff=True, is_active=True).values_list("email", flat=True)
    for key in ending(now):
        if not operators or key.ends_at is None:
            continue
        mine = AccessKey.objects.filter(cloud=key.cloud, ends_at=key.ends_at)
        if not mine.exclude(told_of=key.ends_at).update(told_of=key.ends_at):
            continue
        log.warning("the key of the cloud %s expires on %s. %s", key.cloud, key.ends_at, key.renew)
        if not write_to(operators, *_words(key, key.ends_at)):
            mine.update(told_of=key.told_of)


def _words(key: AccessKey, ends_at: datetime) -> tuple[str, str]:
    settings = configuration()
    day, page = f"{ends_at:%d %B %Y}", urljoin(settings.public_url, "/console/clouds/accesskey/")
    text = (
        f"The key with which {settings.site_name} calls the cloud {key.cloud} expires on {day}, {ends_at:%H:%M} UTC. After that, "
        "machines cannot be made, repaired or removed, and machines that are no longer needed stay on the bill.\n\n"
        f"{key.renew}\n\nThe current state: {page}\n"
    )
    return f"{settings.site_name}: the key of the cloud {key.cloud} expires on {day}", text
