import uuid

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Beat',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('part', models.CharField(db_index=True, help_text='Like “steward”: the command that runs it.', max_length=16)),
                ('began_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True)),
                ('release', models.CharField(help_text='The version of the service that it runs.', max_length=40)),
                ('counts', models.JSONField(default=list, help_text='What it counted since its start: name, labels, number.')),
            ],
        ),
    ]
