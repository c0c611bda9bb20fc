from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Nothing changes in the database: the table keeps its name."""

    dependencies = [
        ("accounts", "0007_ssb_ids"),
    ]

    operations = [
        migrations.AlterModelTable("look", "accounts_look"),
        migrations.RenameModel("Look", "Impersonation"),
        migrations.AlterField(
            model_name="impersonation",
            name="operator",
            field=models.ForeignKey(
                null=True,
                on_delete=models.SET_NULL,
                related_name="impersonations",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="impersonation",
            name="person",
            field=models.ForeignKey(on_delete=models.CASCADE, related_name="impersonated", to="agents.agent"),
        ),
    ]
