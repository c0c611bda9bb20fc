from django.db import migrations


class Migration(migrations.Migration):
    """Nothing changes in the database: the table keeps its name."""

    dependencies = [
        ("figures", "0002_limits"),
    ]

    operations = [
        migrations.AlterModelTable("monitor", "figures_monitor"),
        migrations.RenameModel("Monitor", "MonitorBeat"),
    ]
