import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('sources', '0001_releases'), ('sources', '0002_runtime')]

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name='Release',
            fields=[
                ('key', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('digest', models.CharField(db_index=True, max_length=32)),
                ('build', models.PositiveIntegerField(default=1, help_text='How often this source has been built, including this time.')),
                ('source', models.CharField(default='pub', max_length=16)),
                ('number', models.PositiveIntegerField(help_text='What people call it by: one for each digest of a source.')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('building', 'Building'), ('ready', 'Ready'), ('failed', 'Failed')], default='waiting', max_length=8)),
                ('progress', models.CharField(blank=True, default='', max_length=200)),
                ('reason', models.TextField(blank=True, default='', help_text='Why it failed.')),
                ('log', models.TextField(blank=True, default='')),
                ('packages', models.JSONField(default=dict, help_text='{name: version} of all that it depends on.')),
                ('runtime', models.CharField(blank=True, default='', help_text='What runs it, with the version: Node 24.19.0.', max_length=64)),
                ('tries', models.PositiveIntegerField(default=0)),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When it is built, or tried again.')),
                ('found_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When the source was last changed to this.')),
                ('built_at', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('digest', 'build'), name='one_release_of_each_build')],
            },
        ),
    ]
