"""The migrations of each app form one line, and produce the models' tables."""

import pytest
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

from butt import resources
from butt.command.schema import dump, migrations_in, migrations_of_code
from tests.tables import migrated


def test_no_app_has_two_last_migrations():
    loader = MigrationLoader(None)
    assert loader.detect_conflicts() == {}, (
        "give the later one the next number, and let it depend on the other"
    )


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


def test_the_snapshot_of_a_new_database_is_what_the_migrations_give():
    """Make it anew with `.venv/bin/python scripts/schema.py`."""
    assert resources.SCHEMA.read_text() == dump(migrated())


@pytest.mark.django_db
def test_the_snapshot_counts_every_migration_as_applied():
    loader = MigrationLoader(None)
    assert migrations_in(resources.SCHEMA.read_text()) == migrations_of_code() == set(loader.disk_migrations)
