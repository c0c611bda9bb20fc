"""The migrations of each app form one line, and produce the models' tables."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from butt import resources
from butt.backups.making import newest_schema
from butt.command.schema import dump, migrations_in, migrations_of_code
from butt.health import checks
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
    assert migrations_of_code() == set(loader.disk_migrations)
    counted = (f"{app}.{name}" for app, name in migrations_in(resources.SCHEMA.read_text()))
    assert sorted(counted) == newest_schema()


@pytest.mark.django_db
@pytest.mark.parametrize("squashed", MigrationLoader(None).replacements, ids="{0[0]}".format)
def test_a_database_with_a_part_of_what_was_squashed_is_refused(squashed: tuple[str, str]):
    last_replaced = MigrationLoader(None).replacements[squashed].replaces[-1]
    recorder = MigrationRecorder(connection)
    for app, name in (squashed, last_replaced):
        recorder.record_unapplied(app, name)
    assert checks.database() == checks.Check("database", *checks.TOO_OLD)


@pytest.mark.django_db
def test_a_database_with_all_that_was_squashed_has_nothing_left_to_run():
    recorder = MigrationRecorder(connection)
    for app, name in MigrationLoader(None).replacements:
        recorder.record_unapplied(app, name)
    assert checks.database() == checks.Check("database")
