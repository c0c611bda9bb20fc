"""What `butt doctor` says about payments, and whether they cover the costs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from butt.configuration import Configuration
from butt.parts import UnknownPart
from butt.trouble import Finding

if TYPE_CHECKING:
    from butt.clouds import Cloud


def billing(settings: Configuration) -> Iterator[Finding]:
    from butt.billing.chosen import billing as chosen

    try:
        takes_money = chosen().takes_money
    except UnknownPart as unknown:
        yield Finding(str(unknown), "Set BUTT_BILLING.")
        return
    if not takes_money:
        yield Finding("Nobody pays here.")
        return
    if settings.is_pretended:
        yield Finding("Payments go to a local stand-in: no money moves.")
        return
    from butt.billing.asked import asked

    yield from asked(settings)
    yield from _pages(settings)


def life(settings: Configuration) -> Iterator[Finding]:
    """The whole life cycle of a subscription, at Stripe itself."""
    if settings.is_pretended:
        yield Finding("There is no key for Stripe.", "Set BUTT_STRIPE_SECRET_KEY to a test key.")
        return
    from butt.billing.life import life as lived

    yield from lived(settings)


def _pages(settings: Configuration) -> Iterator[Finding]:
    """What a visitor must be able to read before they pay."""
    for name, what in (
        ("terms", "Your terms"),
        ("privacy", "Your page about privacy"),
        ("imprint", "Your imprint"),
        ("contact", "An email address to write to"),
    ):
        is_there = bool(getattr(settings, name))
        mend = "" if is_there else f"Set BUTT_{name.upper()}: people pay here."
        yield Finding(f"{what}: {'linked on each page' if is_there else 'not set'}.", mend)


def worth(settings: Configuration, cloud: "Cloud") -> Finding:
    """Whether a bot earns what its machine costs."""
    import math

    from butt.billing.chosen import billing as chosen
    from butt.billing.money import shown, smallest
    from butt.clouds.capacity import best, cost
    from butt.clouds.rentals import needs_of

    needs = needs_of(1)
    offer = best(cloud.offers(), needs, cloud.zones)
    if offer is None:
        return Finding("No machine that fits one bot is available now.", "Allow more types or zones.")
    costs = cost(offer, needs)
    said = f"A machine for one bot costs {costs} a month: {offer.type} in {offer.zone}."
    if not chosen().takes_money:
        return Finding(said)
    rate = settings.euro_in_currency
    if rate is None:
        return Finding(
            f"{said} Its price in {settings.currency.upper()} is unknown.",
            f"Set BUTT_EURO to what a euro costs in {settings.currency.upper()}.",
        )
    least = math.ceil(float(costs.total) * rate * smallest(settings.currency))
    if settings.price >= least:
        return Finding(said)
    enough, price = shown(least, settings.currency), shown(settings.price, settings.currency)
    return Finding(
        f"{said} That is {enough}, and BUTT_PRICE is {price}.",
        f"Set BUTT_PRICE to {least} or more, or make machines cheaper: BUTT_SNAPSHOTS, BUTT_BOT_DISK and "
        "BUTT_CLOUD_IPV4=false save most.",
    )
