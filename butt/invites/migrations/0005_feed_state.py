import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Nothing changes in the database: the table keeps its name."""

    dependencies = [
        # By its old name, so that a database with only a part of what was squashed is refused.
        ("invites", "0004_came_of_guests"),
    ]

    operations = [
        migrations.AlterModelTable("told", "invites_told"),
        migrations.RenameModel("Told", "FeedState"),
        migrations.AlterField(
            model_name="feedstate",
            name="bot",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                primary_key=True,
                related_name="feed_state",
                serialize=False,
                to="agents.agent",
            ),
        ),
    ]
