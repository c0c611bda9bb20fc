from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('figures', '0005_help_of_bytes_out'),
        ('outbox', '0002_earlier_ones'),
    ]

    operations = [
        migrations.DeleteModel(
            name='Letters',
        ),
    ]
