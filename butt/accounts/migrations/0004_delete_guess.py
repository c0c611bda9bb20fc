from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_addresses_and_cache'),
    ]

    operations = [
        migrations.DeleteModel(
            name='Guess',
        ),
    ]
