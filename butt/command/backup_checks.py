"""Whether backups are kept, and how old the newest is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from butt.command.finding import Finding
from butt.configuration import Configuration

OLDEST = timedelta(days=2)


def backups(settings: Configuration) -> Iterator[Finding]:
    if not settings.backup_to:
        return
    from butt.backups import BackupTrouble
    from butt.backups.keeping import newest

    again = "Run `butt backup`, and look at what its timer says: `systemctl status butt-backup`."
    try:
        made = newest(settings.backup_to)
    except BackupTrouble as trouble:
        yield Finding(str(trouble), "Set BUTT_BACKUP_TO, and the AWS_* variables that it needs.")
        return
    if made is None:
        yield Finding(f"There is no backup at {settings.backup_to} yet.", again)
        return
    age = datetime.now(UTC) - made
    yield Finding(
        f"The newest backup is {age.total_seconds() / 3600:.0f} hours old.", again if age > OLDEST else ""
    )
