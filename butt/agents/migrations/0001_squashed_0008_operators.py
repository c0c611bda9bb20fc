import butt.agents.states
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('agents', '0001_initial'), ('agents', '0002_releases'), ('agents', '0003_paid'), ('agents', '0004_imports'), ('agents', '0005_networks'), ('agents', '0006_announced'), ('agents', '0007_limits'), ('agents', '0008_operators')]

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name='Agent',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('type', models.CharField(choices=[('person', 'Person'), ('bot', 'Bot')], max_length=6)),
                ('name', models.CharField(max_length=80)),
                ('description', models.TextField(blank=True, default='', max_length=2000)),
                ('service', models.CharField(blank=True, choices=[('', 'none'), ('pub', 'Pub')], default='', max_length=16)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                'constraints': [models.UniqueConstraint(models.F('name'), condition=models.Q(('type', 'bot')), name='one_bot_of_each_name')],
            },
        ),
        migrations.CreateModel(
            name='JournalEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('bot_id', models.UUIDField(db_index=True)),
                ('bot_name', models.CharField(max_length=80)),
                ('actor', models.CharField(help_text="The person's agent id, or the part of the service.", max_length=300)),
                ('what', models.CharField(max_length=40)),
                ('detail', models.JSONField(blank=True, default=dict)),
            ],
            options={
                'verbose_name_plural': 'journal entries',
            },
        ),
        migrations.CreateModel(
            name='Belongs',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('source_agent', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='belongs_to', to='agents.agent')),
                ('target_agent', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='belongings', to='agents.agent')),
            ],
            options={
                'verbose_name_plural': 'belongs',
                'constraints': [models.UniqueConstraint(fields=('source_agent', 'target_agent'), name='belongs_once')],
            },
        ),
        migrations.CreateModel(
            name='Progress',
            fields=[
                ('bot', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='progress', serialize=False, to='agents.agent')),
                ('state', models.CharField(choices=[(butt.agents.states.State['NEW'], butt.agents.states.State['NEW']), (butt.agents.states.State['STARTING'], butt.agents.states.State['STARTING']), (butt.agents.states.State['ALIVE'], butt.agents.states.State['ALIVE']), (butt.agents.states.State['STOPPING'], butt.agents.states.State['STOPPING']), (butt.agents.states.State['STOPPED'], butt.agents.states.State['STOPPED']), (butt.agents.states.State['UPGRADING'], butt.agents.states.State['UPGRADING']), (butt.agents.states.State['BROKEN'], butt.agents.states.State['BROKEN']), (butt.agents.states.State['UNPAID'], butt.agents.states.State['UNPAID']), (butt.agents.states.State['LEAVING'], butt.agents.states.State['LEAVING'])], default=butt.agents.states.State['NEW'], max_length=10)),
                ('reason', models.TextField(blank=True, default='', help_text='Why, in words a person understands.')),
                ('since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('deadline', models.DateTimeField(blank=True, help_text='When a passing state has taken too long.', null=True)),
                ('launch', models.PositiveIntegerField(default=0)),
                ('restarts', models.PositiveIntegerField(default=0, help_text='How many of the wanted restarts are done.')),
                ('tries', models.PositiveIntegerField(default=0, help_text='Failures in a row; sets the back-off.')),
                ('address', models.CharField(blank=True, default='', help_text='The host that clients dial.', max_length=253)),
                ('port', models.PositiveIntegerField(blank=True, null=True, unique=True)),
                ('release', models.CharField(blank=True, default='', help_text='Its code: the key of a release.', max_length=64)),
                ('ssb_id', models.CharField(blank=True, max_length=64, null=True, unique=True)),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True, help_text='When the steward looks next.')),
                ('notice', models.TextField(blank=True, default='', help_text='Why its last upgrade was undone.')),
                ('previous', models.CharField(blank=True, default='', help_text='The code to go back to; empty: the present one is proven.', max_length=64)),
                ('refused', models.CharField(blank=True, default='', help_text='The code that it came back from.', max_length=64)),
                ('trial_ends', models.DateTimeField(blank=True, help_text='When the present code is proven.', null=True)),
                ('upgrades', models.PositiveIntegerField(default=0, help_text='How many of the wanted upgrades are done.')),
            ],
            options={
                'verbose_name_plural': 'progress',
            },
        ),
        migrations.CreateModel(
            name='Observed',
            fields=[
                ('bot', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='observed', serialize=False, to='agents.agent')),
                ('alive', models.BooleanField(default=False)),
                ('launch', models.PositiveIntegerField(default=0, help_text='The launch that answered.')),
                ('trouble', models.TextField(blank=True, default='', help_text='Why it does not answer.')),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('sequence', models.PositiveBigIntegerField(default=0, help_text='The highest sequence of its own feed ever seen; it never goes down.')),
                ('memory', models.PositiveBigIntegerField(blank=True, null=True)),
                ('disk', models.PositiveBigIntegerField(blank=True, null=True)),
                ('bytes_in', models.PositiveBigIntegerField(blank=True, null=True)),
                ('bytes_out', models.PositiveBigIntegerField(blank=True, null=True)),
                ('peers', models.PositiveIntegerField(blank=True, null=True)),
                ('at', models.DateTimeField(blank=True, null=True)),
                ('catching_up', models.BooleanField(default=False, help_text='It was imported, and has not been seen to have all its own messages yet.')),
                ('hops', models.PositiveSmallIntegerField(blank=True, help_text='As the bot reports it; None if its code does not support it.', null=True)),
                ('full', models.PositiveSmallIntegerField(db_default=0, db_index=True, default=0, help_text='The percentage of its disk that it uses.')),
                ('limits_told', models.CharField(blank=True, db_default='', default='', help_text='The limits that it was told last.', max_length=200)),
                ('room', models.JSONField(blank=True, help_text='What uses its disk, in bytes; None if its code does not report it.', null=True)),
            ],
            options={
                'verbose_name_plural': 'observed',
            },
        ),
        migrations.CreateModel(
            name='Allowance',
            fields=[
                ('person', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='allowance', serialize=False, to='agents.agent')),
                ('bots', models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='Wanted',
            fields=[
                ('bot', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='wanted', serialize=False, to='agents.agent')),
                ('run', models.BooleanField(default=True)),
                ('restarts', models.PositiveIntegerField(default=0, help_text='How often a restart was asked for.')),
                ('gone_at', models.DateTimeField(blank=True, help_text='Deleted by its owner; its data goes at this time.', null=True)),
                ('asked_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('release', models.CharField(blank=True, default='', help_text='The code that was asked for last.', max_length=64)),
                ('upgrades', models.PositiveIntegerField(default=0, help_text='How often an upgrade or a rebuild was asked for.')),
                ('paid', models.BooleanField(default=True, help_text='Written by billing alone: it may run.')),
                ('hops', models.PositiveSmallIntegerField(default=2, help_text='How far in the follow graph it keeps messages.')),
                ('network', models.CharField(default='main', help_text='Its name, or its key in base64: chosen when the bot is made, and never changed.', max_length=44)),
                ('announced', models.BooleanField(default=False, help_text='Whether its feed should announce its address, for apps and other pubs to dial.')),
                ('limits', models.JSONField(blank=True, default=dict, help_text="How much of the disk it may take, as its owner wants it: bytes and days by the names of the pub's bounds.")),
                ('blocked', models.CharField(blank=True, default='', help_text='Why operators stopped it; empty: they did not.', max_length=300)),
                ('page_down', models.BooleanField(default=False, help_text='Operators took its public pages down.')),
                ('suspended', models.BooleanField(default=False, help_text='Operators suspended everybody who owns it.')),
            ],
            options={
                'verbose_name_plural': 'wanted',
            },
        ),
    ]
