import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('billing', '0001_payers'), ('billing', '0002_seen_at_stripe'), ('billing', '0003_being_told'), ('billing', '0004_coupon')]

    initial = True

    dependencies = [
        ('agents', '0008_operators'),
    ]

    operations = [
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('type', models.CharField(max_length=80)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='Payer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', models.PositiveIntegerField(default=0, help_text='How many bots are to be paid for.')),
                ('keeps', models.BooleanField(default=False, help_text='They have bots, even if only deleted ones that can still be restored.')),
                ('pays', models.BooleanField(default=False, help_text='They entered a card for their bots, and have not cancelled.')),
                ('cancels', models.BooleanField(default=False, help_text='They cancelled: it ends with the period that is paid for.')),
                ('email', models.EmailField(blank=True, default='', help_text='To find the customer again.', max_length=254)),
                ('customer', models.CharField(blank=True, db_index=True, default='', max_length=64)),
                ('subscription', models.CharField(blank=True, default='', max_length=64)),
                ('begun', models.PositiveIntegerField(default=0, help_text='How many subscriptions there have been.')),
                ('closing', models.BooleanField(default=False, help_text='We ended the subscription, because no bot is left.')),
                ('tried', models.CharField(blank=True, default='', help_text='The card last tried on a debt.', max_length=64)),
                ('status', models.CharField(blank=True, default='', max_length=24)),
                ('paid_quantity', models.PositiveIntegerField(default=0)),
                ('period_end', models.DateTimeField(blank=True, null=True)),
                ('ends', models.BooleanField(default=False, help_text='The subscription ends with its period.')),
                ('card', models.CharField(blank=True, default='', max_length=64)),
                ('card_brand', models.CharField(blank=True, default='', max_length=32)),
                ('card_last4', models.CharField(blank=True, default='', max_length=4)),
                ('trouble', models.CharField(blank=True, default='', help_text='Why the last try failed.', max_length=300)),
                ('due_since', models.DateTimeField(blank=True, null=True)),
                ('stopped_at', models.DateTimeField(blank=True, help_text='Since when its bots are #unpaid.', null=True)),
                ('look_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True)),
                ('held_until', models.DateTimeField(blank=True, help_text='Somebody is at work on it.', null=True)),
                ('failures', models.PositiveIntegerField(default=0, help_text='In a row, to reach Stripe.')),
                ('person', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='payer', to='agents.agent')),
                ('card_expires', models.DateField(blank=True, help_text='The first day on which the card is no longer valid.', null=True)),
                ('confirms', models.BooleanField(default=False, help_text='Their bank wants them to confirm what is due.')),
                ('currency', models.CharField(blank=True, default='', max_length=3)),
                ('ended_there', models.CharField(blank=True, default='', help_text='Why the subscription ended, if not because of us.', max_length=32)),
                ('generation', models.PositiveIntegerField(default=0, help_text='How many of their customers Stripe lost.')),
                ('paid_at', models.DateTimeField(blank=True, help_text='When they were first seen to have paid.', null=True)),
                ('paused', models.BooleanField(default=False, help_text="Collection was paused in Stripe's dashboard.")),
                ('told', models.PositiveIntegerField(default=0, help_text='The number of bots that Stripe was last told of; none while it is being told another one.', null=True)),
                ('unit', models.PositiveIntegerField(default=0, help_text="What a bot costs them a month, in the currency's smallest unit.")),
                ('wishes', models.BooleanField(default=False, help_text='Stripe has not been told yet whether they cancelled.')),
                ('coupon', models.CharField(blank=True, default='', help_text="A coupon of Stripe's to give to them; empty once it was given.", max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name='Letter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=16)),
                ('since', models.DateTimeField(help_text='When the debt began that it is of.')),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('payer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='letters', to='billing.payer')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('payer', 'kind', 'since'), name='each_letter_once')],
            },
        ),
        migrations.CreateModel(
            name='EventLook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
            ],
        ),
    ]
