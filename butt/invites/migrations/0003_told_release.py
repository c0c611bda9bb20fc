from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("invites", "0002_asked_once")]

    operations = [
        migrations.AddField(
            "told",
            "release",
            models.CharField(
                blank=True,
                default="",
                help_text="The release on which its pub was last told of all its invites.",
                max_length=64,
            ),
        ),
    ]
