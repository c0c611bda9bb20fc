from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_delete_guess'),
    ]

    operations = [
        migrations.AddField(
            model_name='account',
            name='agreed_at',
            field=models.DateTimeField(blank=True, help_text="When they agreed to the operator's terms.", null=True),
        ),
        migrations.AddField(
            model_name='account',
            name='agreed_to',
            field=models.CharField(blank=True, default='', help_text='The address of the terms.', max_length=500),
        ),
    ]
