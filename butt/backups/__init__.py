"""A backup of the service itself: its rows and its secrets, in one zip file. The bots' own data is no part of it."""

from butt.trouble import Trouble

OF_ROWS, OF_A_FILE = 2, 3
"""Formats: one part with the rows of each table, as backups of PostgreSQL have; and SQLite's database as one part."""

ABOUT, ROWS, FILE, IDENTITY = "backup.json", "rows", "butt.sqlite3", "identity"
SECRETS = (IDENTITY, "secret-key", "private-token")


class BackupTrouble(Trouble):
    """Why a backup cannot be made or restored; its text says what to do."""
