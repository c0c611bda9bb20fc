from django.db import migrations


class Migration(migrations.Migration):
    """Nothing changes in the database: the table keeps its name."""

    dependencies = [
        ("clouds", "0004_keys"),
    ]

    operations = [
        migrations.AlterModelTable("wanted", "clouds_wanted"),
        migrations.RenameModel("Wanted", "WantedMachine"),
    ]
