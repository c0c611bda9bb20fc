from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('invites', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='invite',
            name='key',
            field=models.UUIDField(editable=False, help_text='From whoever asked for it: if asked twice, it is made once.', null=True, unique=True),
        ),
    ]
