from django.core.management import call_command
from django.db import migrations


def addresses(apps, schema_editor):
    """Accounts from before addresses were verified get theirs, not verified yet."""
    Account, EmailAddress = apps.get_model("accounts", "Account"), apps.get_model("account", "EmailAddress")
    for account in Account.objects.exclude(id__in=EmailAddress.objects.values("user")):
        EmailAddress.objects.create(user=account, email=account.email, primary=True, verified=False)


def cache_table(apps, schema_editor):
    """Where rate limits are counted for all servers together."""
    call_command("createcachetable", "accounts_cache", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_tokens_guesses_people'),
        ('account', '0009_emailaddress_unique_primary_email'),
    ]

    operations = [
        migrations.RunPython(addresses, migrations.RunPython.noop),
        migrations.RunPython(cache_table, migrations.RunPython.noop),
    ]
