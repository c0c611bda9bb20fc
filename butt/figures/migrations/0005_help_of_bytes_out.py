from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('figures', '0004_traffic'),
    ]

    operations = [
        migrations.AlterField(
            model_name='sample',
            name='bytes_out',
            field=models.PositiveBigIntegerField(help_text='Those that came within this time.'),
        ),
    ]
