import butt.machines.models
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('machines', '0001_initial'), ('machines', '0002_errands'), ('machines', '0003_boot'), ('machines', '0004_draining')]

    initial = True

    dependencies = [
        ('agents', '0008_operators'),
    ]

    operations = [
        migrations.CreateModel(
            name='Machine',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('minion_id', models.CharField(default=butt.machines.models.random_minion_id, editable=False, max_length=64, unique=True)),
                ('state', models.CharField(choices=[('new', 'New'), ('ready', 'Ready'), ('leaving', 'Leaving'), ('draining', 'Draining')], default='new', max_length=8)),
                ('generation', models.PositiveBigIntegerField(default=0, help_text='Goes up with each change of its orders.')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('seen_generation', models.PositiveBigIntegerField(default=0, help_text='The one that it followed last.')),
                ('seen_at', models.DateTimeField(blank=True, null=True)),
                ('trouble', models.TextField(blank=True, default='', help_text='Why it does not carry out its orders, in words.')),
                ('facts', models.JSONField(blank=True, default=dict)),
                ('strangers', models.JSONField(blank=True, default=list, help_text='Containers on it that are not ours to touch.')),
                ('person', models.ForeignKey(blank=True, help_text='Whose bots it runs; nobody: those of anybody without a machine of their own.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='machines', to='agents.agent')),
                ('boot', models.JSONField(blank=True, default=dict, help_text='How far its boot has come, as it reports: step, what, trouble.')),
            ],
        ),
        migrations.CreateModel(
            name='MachineToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('until', models.DateTimeField(blank=True, null=True)),
                ('machine', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to='machines.machine')),
            ],
        ),
        migrations.CreateModel(
            name='Placement',
            fields=[
                ('bot', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='placement', serialize=False, to='agents.agent')),
                ('generation', models.PositiveBigIntegerField(help_text="The machine's, when this order was last changed.")),
                ('run', models.BooleanField()),
                ('launch', models.PositiveIntegerField()),
                ('order', models.JSONField(default=dict, help_text='Everything else that was ordered; it takes effect at each launch.')),
                ('ssb_id', models.CharField(blank=True, max_length=64, null=True, unique=True)),
                ('seen', models.JSONField(blank=True, default=dict)),
                ('machine', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='placements', to='machines.machine')),
            ],
        ),
        migrations.CreateModel(
            name='Upload',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('bot_id', models.UUIDField()),
                ('most', models.PositiveBigIntegerField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('size', models.PositiveBigIntegerField(blank=True, null=True)),
                ('arrived_at', models.DateTimeField(blank=True, null=True)),
                ('machine', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='uploads', to='machines.machine')),
            ],
        ),
        migrations.CreateModel(
            name='Tombstone',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('bot_id', models.UUIDField()),
                ('generation', models.PositiveBigIntegerField()),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('done_at', models.DateTimeField(blank=True, null=True)),
                ('machine', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tombstones', to='machines.machine')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('machine', 'bot_id'), name='one_tombstone_of_a_bot')],
            },
        ),
        migrations.CreateModel(
            name='Tail',
            fields=[
                ('bot_id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('wanted_at', models.DateTimeField(db_index=True)),
                ('followed_until', models.DateTimeField(blank=True, null=True)),
                ('read_at', models.DateTimeField(blank=True, null=True)),
                ('text', models.TextField(blank=True, default='')),
                ('machine', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tails', to='machines.machine')),
            ],
        ),
        migrations.CreateModel(
            name='Errand',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('bot_id', models.UUIDField()),
                ('what', models.CharField(max_length=8)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('claimed_at', models.DateTimeField(blank=True, null=True)),
                ('done_at', models.DateTimeField(blank=True, null=True)),
                ('trouble', models.TextField(blank=True, default='')),
                ('answer', models.JSONField(blank=True, default=dict)),
                ('taken_at', models.DateTimeField(blank=True, null=True)),
                ('machine', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='errands', to='machines.machine')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('done_at', None)), fields=['created_at'], name='open_errands')],
            },
        ),
    ]
