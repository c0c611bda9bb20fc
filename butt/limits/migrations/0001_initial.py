from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Count',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(db_index=True, help_text='A digest of the limit and of whom it applies to.', max_length=64)),
                ('until', models.DateTimeField(db_index=True, help_text='When it no longer counts.')),
            ],
        ),
        migrations.CreateModel(
            name='Slowed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('limit', models.CharField(max_length=40)),
                ('who', models.CharField(blank=True, help_text='Like “address 192.0.2.1/32” or “person ID”.', max_length=100)),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField(db_index=True)),
                ('times', models.PositiveBigIntegerField()),
            ],
            options={
                'verbose_name_plural': 'slowed',
                'constraints': [models.UniqueConstraint(fields=('limit', 'who'), name='slowed_once')],
            },
        ),
    ]
