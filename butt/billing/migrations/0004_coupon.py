from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0003_being_told'),
    ]

    operations = [
        migrations.AddField(
            model_name='payer',
            name='coupon',
            field=models.CharField(blank=True, default='', help_text="A coupon of Stripe's to give to them; empty once it was given.", max_length=64),
        ),
    ]
