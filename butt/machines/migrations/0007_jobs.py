from django.db import migrations, models


class Migration(migrations.Migration):
    """Nothing changes in the database: tables and columns keep their names."""

    dependencies = [
        ("machines", "0006_after_restores"),
    ]

    operations = [
        migrations.AlterModelTable("errand", "machines_errand"),
        migrations.RenameModel("Errand", "MachineJob"),
        migrations.AlterField(
            model_name="machinejob",
            name="machine",
            field=models.ForeignKey(on_delete=models.CASCADE, related_name="jobs", to="machines.machine"),
        ),
        migrations.AlterModelTable("tail", "machines_tail"),
        migrations.RenameModel("Tail", "LogTail"),
        migrations.AlterField(
            model_name="logtail",
            name="machine",
            field=models.ForeignKey(
                on_delete=models.CASCADE, related_name="log_tails", to="machines.machine"
            ),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField("transfer", "errand", "job"),
                migrations.AlterField(
                    model_name="transfer",
                    name="job",
                    field=models.UUIDField(
                        db_column="errand", help_text="What its machine was asked for.", null=True
                    ),
                ),
            ]
        ),
    ]
