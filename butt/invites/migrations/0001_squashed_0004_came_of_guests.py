import butt.invites.models
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('invites', '0001_initial'), ('invites', '0002_asked_once'), ('invites', '0003_told_release'), ('invites', '0004_came_of_guests')]

    initial = True

    dependencies = [
        ('agents', '0008_operators'),
    ]

    operations = [
        migrations.CreateModel(
            name='Invite',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(help_text='Only its maker sees it.', max_length=80)),
                ('uses', models.PositiveIntegerField(default=1)),
                ('seed', models.BinaryField(help_text="The code's secret: whoever has it can come in.", max_length=32)),
                ('code_id', models.CharField(help_text="The id of the code's own key, by which the pub knows it.", max_length=64, unique=True)),
                ('note', models.CharField(default=butt.invites.models._note, help_text='What the pub publishes about it; it reveals nothing.', max_length=24, unique=True)),
                ('token', models.CharField(default=butt.invites.models._token, help_text='The secret part of the URL of its page.', max_length=32, unique=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('offered_at', models.DateTimeField(blank=True, help_text='When the pub accepted it; until then nobody is shown it.', null=True)),
                ('withdrawn_at', models.DateTimeField(blank=True, help_text='When the pub was seen to have forgotten it.', null=True)),
                ('bot', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invites', to='agents.agent')),
                ('key', models.UUIDField(editable=False, help_text='From whoever asked for it: if asked twice, it is made once.', null=True, unique=True)),
                ('opened_on', models.DateField(blank=True, help_text="The day (UTC) on which the bot's open page offers it to everybody.", null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['bot', 'created_at'], name='invites_of_a_bot'), models.Index(condition=models.Q(('revoked_at__isnull', False), ('withdrawn_at', None)), fields=['revoked_at'], name='invites_to_revoke'), models.Index(condition=models.Q(('expires_at__isnull', False), ('withdrawn_at', None)), fields=['expires_at'], name='invites_to_end'), models.Index(condition=models.Q(('offered_at', None)), fields=['created_at'], name='invites_unfinished')],
            },
        ),
        migrations.CreateModel(
            name='Told',
            fields=[
                ('bot', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='told', serialize=False, to='agents.agent')),
                ('sequence', models.PositiveBigIntegerField(default=0)),
                ('name', models.CharField(blank=True, default='', max_length=80)),
                ('description', models.TextField(blank=True, default='')),
                ('profile_sequence', models.PositiveBigIntegerField(default=0)),
                ('release', models.CharField(blank=True, default='', help_text='The release on which its pub was last told of all its invites.', max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name='InviteUse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sequence', models.PositiveBigIntegerField()),
                ('ssb_id', models.CharField(max_length=64)),
                ('name', models.CharField(blank=True, default='', help_text="Their profile's, as far as the pub knows.", max_length=80)),
                ('at', models.DateTimeField()),
                ('invite', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='used', to='invites.invite')),
                ('messages', models.PositiveBigIntegerField(db_default=0, default=0, help_text='How many messages of theirs the pub has.')),
                ('seen_at', models.DateTimeField(blank=True, help_text='When the pub last heard of them.', null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['ssb_id'], name='uses_by_guest')],
                'constraints': [models.UniqueConstraint(fields=('invite', 'sequence'), name='a_use_is_noted_once')],
            },
        ),
        migrations.CreateModel(
            name='Listing',
            fields=[
                ('bot', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='listing', serialize=False, to='agents.agent')),
                ('public', models.BooleanField(default=True)),
                ('invites_a_day', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='How many people a day may join through its public page.')),
            ],
        ),
    ]
