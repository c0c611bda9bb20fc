from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0002_seen_at_stripe'),
    ]

    operations = [
        migrations.AlterField(
            model_name='payer',
            name='told',
            field=models.PositiveIntegerField(default=0, help_text='The number of bots that Stripe was last told of; none while it is being told another one.', null=True),
        ),
    ]
