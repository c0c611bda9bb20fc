import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('figures', '0001_initial'), ('figures', '0002_limits')]

    initial = True

    dependencies = [
        ('agents', '0008_operators'),
    ]

    operations = [
        migrations.CreateModel(
            name='Letters',
            fields=[
                ('person', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='letters', serialize=False, to='agents.agent')),
                ('wanted', models.BooleanField(default=True)),
            ],
        ),
        migrations.CreateModel(
            name='Monitor',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('beat', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('watching', models.PositiveIntegerField(default=0)),
                ('written', models.PositiveBigIntegerField(default=0, help_text='Samples.')),
                ('lost', models.PositiveBigIntegerField(default=0, help_text='Samples it could not write.')),
            ],
        ),
        migrations.CreateModel(
            name='Reading',
            fields=[
                ('bot', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='reading', serialize=False, to='agents.agent')),
                ('started_at', models.DateTimeField()),
                ('bytes_in', models.PositiveBigIntegerField()),
                ('bytes_out', models.PositiveBigIntegerField()),
                ('messages', models.PositiveBigIntegerField()),
                ('feeds', models.PositiveBigIntegerField()),
                ('indexed', models.BigIntegerField()),
                ('to_index', models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='RolledUp',
            fields=[
                ('resolution', models.PositiveIntegerField(primary_key=True, serialize=False)),
                ('until', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Outage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('began_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('told_at', models.DateTimeField(null=True)),
                ('told_end_at', models.DateTimeField(null=True)),
                ('bot', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='outages', to='agents.agent')),
            ],
            options={
                'constraints': [models.UniqueConstraint(models.F('bot'), condition=models.Q(('ended_at', None)), name='one_open_outage')],
            },
        ),
        migrations.CreateModel(
            name='Sample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('resolution', models.PositiveIntegerField(help_text='In seconds; the finest are single sightings.')),
                ('at', models.DateTimeField()),
                ('count', models.PositiveIntegerField(help_text='Of how many sightings it is made.')),
                ('memory_sum', models.PositiveBigIntegerField()),
                ('memory_low', models.PositiveBigIntegerField()),
                ('memory_high', models.PositiveBigIntegerField()),
                ('peers_sum', models.PositiveBigIntegerField()),
                ('peers_low', models.PositiveBigIntegerField()),
                ('peers_high', models.PositiveBigIntegerField()),
                ('bytes_in', models.PositiveBigIntegerField(help_text='Those that came within this time.')),
                ('bytes_out', models.PositiveBigIntegerField()),
                ('disk', models.PositiveBigIntegerField(null=True)),
                ('messages', models.PositiveBigIntegerField()),
                ('feeds', models.PositiveBigIntegerField()),
                ('bot', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='samples', to='agents.agent')),
            ],
            options={
                'indexes': [models.Index(fields=['resolution', 'at'], name='samples_by_age')],
                'constraints': [models.UniqueConstraint(fields=('bot', 'resolution', 'at'), name='one_sample_at_a_time')],
            },
        ),
        migrations.CreateModel(
            name='Fullness',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('percent', models.PositiveSmallIntegerField()),
                ('told_at', models.DateTimeField(null=True)),
                ('bot', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='fullness', to='agents.agent')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('bot', 'percent'), name='told_of_each_once')],
            },
        ),
    ]
