import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('clouds', '0001_initial'), ('clouds', '0002_costs'), ('clouds', '0003_made_again'), ('clouds', '0004_keys')]

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name='Wanted',
            fields=[
                ('agent_id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('present', models.BooleanField(default=True, help_text='Whether there should be a machine at all.')),
                ('bots', models.PositiveIntegerField(default=1, help_text='For how many bots there should be room.')),
                ('names', models.JSONField(blank=True, default=list, help_text='The DNS names of its bots, without the domain.')),
                ('replacements', models.PositiveIntegerField(default=0, help_text='How often another machine was asked for.')),
                ('snapshot', models.CharField(blank=True, default='', help_text='The snapshot that a lost volume is to be restored from.', max_length=64)),
            ],
            options={
                'verbose_name_plural': 'wanted',
            },
        ),
        migrations.CreateModel(
            name='Stock',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('zone', models.CharField(max_length=20)),
                ('type', models.CharField(max_length=40)),
                ('memory', models.PositiveBigIntegerField()),
                ('monthly', models.DecimalField(decimal_places=5, max_digits=12)),
                ('in_stock', models.BooleanField()),
                ('at', models.DateTimeField()),
                ('address4', models.DecimalField(decimal_places=5, default=0, max_digits=12)),
                ('gb', models.DecimalField(decimal_places=5, default=0, max_digits=12)),
                ('root', models.DecimalField(decimal_places=5, default=0, max_digits=12)),
                ('snapshot_gb', models.DecimalField(decimal_places=5, default=0, max_digits=12)),
            ],
            options={
                'verbose_name_plural': 'stock',
                'constraints': [models.UniqueConstraint(fields=('zone', 'type'), name='one_offer_of_each_type')],
            },
        ),
        migrations.CreateModel(
            name='AccessKey',
            fields=[
                ('cloud', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('ends_at', models.DateTimeField(blank=True, null=True)),
                ('renew', models.TextField(blank=True, default='', help_text='How to get new ones.')),
                ('trouble', models.TextField(blank=True, default='', help_text='Why the cloud did not say when they expire.')),
                ('mend', models.TextField(blank=True, default='', help_text='What an operator can do about that.')),
                ('told_of', models.DateTimeField(blank=True, help_text='The expiry that operators were told about.', null=True)),
                ('at', models.DateTimeField(help_text='When the cloud was asked last.')),
            ],
            options={
                'verbose_name': 'key of the cloud',
                'verbose_name_plural': 'keys of the cloud',
            },
        ),
        migrations.CreateModel(
            name='Rented',
            fields=[
                ('agent_id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('new', 'New'), ('making', 'Making'), ('ready', 'Ready'), ('changing', 'Changing'), ('replacing', 'Replacing'), ('stuck', 'Stuck'), ('leaving', 'Leaving')], default='new', max_length=10)),
                ('reason', models.TextField(blank=True, default='', help_text='Why, in words a person understands.')),
                ('since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('zone', models.CharField(blank=True, default='', max_length=20)),
                ('type', models.CharField(blank=True, default='', max_length=40)),
                ('tried', models.JSONField(blank=True, default=list, help_text='Zones, and types in zones, that had no room, in their order.')),
                ('server_id', models.CharField(blank=True, default='', max_length=64)),
                ('volume_id', models.CharField(blank=True, default='', max_length=64)),
                ('address4', models.CharField(blank=True, default='', max_length=64)),
                ('address6', models.CharField(blank=True, default='', max_length=64)),
                ('opened', models.CharField(blank=True, default='', help_text='The security group whose ports were opened.', max_length=64)),
                ('held', models.BooleanField(default=False)),
                ('replaced', models.PositiveIntegerField(default=0, help_text='How many of the replacements are done.')),
                ('restored', models.CharField(blank=True, default='', help_text='The snapshot that the volume was restored from.', max_length=64)),
                ('monthly', models.DecimalField(decimal_places=2, default=0, help_text='Euro a month, for what exists of it.', max_digits=10)),
                ('tries', models.PositiveIntegerField(default=0, help_text='Failures in a row; sets the back-off.')),
                ('unsure_until', models.DateTimeField(blank=True, help_text='Until then, something that was requested may still appear.', null=True)),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True, help_text='When the keeper looks next.')),
                ('expected', models.DecimalField(decimal_places=2, default=0, help_text='Euro a month, for all of it, snapshots too.', max_digits=10)),
                ('root_id', models.CharField(blank=True, default='', help_text='The volume that its server boots from.', max_length=64)),
                ('former', models.JSONField(blank=True, default=list, help_text='IPv6 addresses that it had before, as DNS records may lead there.')),
                ('remake', models.BooleanField(default=False, help_text='Its server should be made again, because it could not be changed as wanted.')),
                ('mend', models.TextField(blank=True, default='', help_text='What an operator can do about it.')),
            ],
            options={
                'verbose_name': 'rented machine',
            },
        ),
    ]
