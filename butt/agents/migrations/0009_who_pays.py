from typing import Any

from django.db import migrations, models


def first_pays(apps: Any, schema: Any) -> None:  # noqa: ARG001
    """Until now, whom a bot belonged to the longest paid for it."""
    belongs = apps.get_model("agents", "Belongs").objects
    seen = set()
    for row in belongs.order_by("created_at", "id").only("id", "source_agent_id").iterator():
        if row.source_agent_id not in seen:
            seen.add(row.source_agent_id)
            belongs.filter(id=row.id).update(pays=True)


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0008_operators'),
    ]

    operations = [
        migrations.AddField(
            model_name='belongs',
            name='pays',
            field=models.BooleanField(db_default=False, default=False, help_text='They agreed to pay for it.'),
        ),
        migrations.RunPython(first_pays, migrations.RunPython.noop),
    ]
