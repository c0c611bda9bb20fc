"""A release may run on Python as well as on Node, so its row says which, with the version."""

from typing import Any

from django.db import migrations, models
from django.db.models import F, Value
from django.db.models.functions import Concat


def name_node(apps: Any, _: Any) -> None:
    releases = apps.get_model("sources", "Release").objects.exclude(runtime="")
    releases.update(runtime=Concat(Value("Node "), F("runtime")))


def leave_out_node(apps: Any, _: Any) -> None:
    for release in apps.get_model("sources", "Release").objects.exclude(runtime=""):
        release.runtime = release.runtime.removeprefix("Node ")[:32]
        release.save(update_fields=["runtime"])


class Migration(migrations.Migration):
    dependencies = [("sources", "0001_releases")]

    operations = [
        migrations.RenameField("release", "node", "runtime"),
        migrations.AlterField(
            "release",
            "runtime",
            models.CharField(
                blank=True, default="", help_text="What runs it, with the version: Node 24.19.0.", max_length=64
            ),
        ),
        migrations.RunPython(name_node, leave_out_node),
    ]
