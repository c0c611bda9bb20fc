"""The migrations of each app form one line, and produce the models' tables."""

import pytest
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader


def test_no_app_has_two_last_migrations():
    loader = MigrationLoader(None)
    assert loader.detect_conflicts() == {}, (
        "give the later one the next number, and let it depend on the other"
    )


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)
