"""A backup of the service itself: its rows and its secrets, in one zip file. The bots' own data is no part of it."""

FORMAT = 2
ABOUT, ROWS, IDENTITY = "backup.json", "rows", "identity"
SECRETS = (IDENTITY, "secret-key", "private-token")


class BackupTrouble(Exception):
    """Why a backup cannot be made or restored; its text says what to do."""
