"""Messages that were sent or owed before there was one outbox, and what people had chosen.

An email that is still owed is posted again by the package that knows the reason, with two exceptions. Those that follow a
single event at Stripe are carried over here. An open invoice is looked at again.
"""

from django.db import migrations
from django.utils import timezone

from butt.configuration import configuration

POSTED_ONCE = ("disputed", "refunded", "payer-found")


def take_over(apps, schema_editor):
    OutboxMessage, Preferences = apps.get_model("outbox", "OutboxMessage"), apps.get_model("outbox", "Preferences")
    letters = apps.get_model("billing", "Letter").objects.exclude(payer__person=None).select_related("payer")
    bots = dict(apps.get_model("agents", "Agent").objects.filter(type="bot").values_list("id", "name"))
    sent = (_message(OutboxMessage, letter) for letter in letters.exclude(sent_at=None).iterator())
    OutboxMessage.objects.bulk_create(sent, batch_size=500, ignore_conflicts=True)
    owed = letters.filter(sent_at=None, kind__in=POSTED_ONCE)
    OutboxMessage.objects.bulk_create(
        [
            _message(OutboxMessage, letter, due_at=timezone.now(), values=_values(letter, bots))
            for letter in owed
        ],
        ignore_conflicts=True,
    )
    open_ones = letters.filter(sent_at=None, kind="open").values("payer")
    apps.get_model("billing", "Payer").objects.filter(id__in=open_ones).update(has_open=True)
    unwanted = apps.get_model("figures", "Letters").objects.filter(wanted=False)
    Preferences.objects.bulk_create(
        Preferences(person_id=each.person_id, mail=False) for each in unwanted.iterator()
    )
    _take_over_outages(apps, OutboxMessage, {each.person_id for each in unwanted})


def _message(OutboxMessage, letter, **more):
    return OutboxMessage(
        event=letter.kind,
        about=f"{letter.about} {letter.since.isoformat()}".strip(),
        person_id=letter.payer.person_id,
        channel="mail",
        sent_at=letter.sent_at,
        **more,
    )


def _values(letter, bots):
    """The amount of a refund was not kept."""
    names = {str(bot_id): name for bot_id, name in bots.items()}
    if letter.about not in names:
        return {"amount": "money", "link": "/billing"}
    name = names[letter.about]
    return {"bot": f"{name}.{configuration().domain}", "link": f"/bots/{name}/people"}


def _take_over_outages(apps, OutboxMessage, unwanted):
    """Whoever was told that a bot is down is told when it is back."""
    owners = apps.get_model("agents", "Belongs").objects.filter(role="owner").exclude(target_agent__in=unwanted)
    told = apps.get_model("figures", "Outage").objects.exclude(told_at=None).filter(told_end_at=None)
    for outage in told:
        OutboxMessage.objects.bulk_create(
            OutboxMessage(
                event="down",
                about=str(outage.pk),
                person_id=share.target_agent_id,
                channel="mail",
                sent_at=outage.told_at,
            )
            for share in owners.filter(source_agent=outage.bot)
        )


class Migration(migrations.Migration):
    dependencies = [
        ("outbox", "0001_initial"),
        ("agents", "0013_roles"),
        ("billing", "0007_rooms"),
        ("figures", "0004_traffic"),
    ]

    operations = [migrations.RunPython(take_over, migrations.RunPython.noop)]
