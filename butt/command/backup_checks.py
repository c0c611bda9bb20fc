"""Whether backups are kept, how old the newest is, and whether the vault can be used."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from butt.configuration import Configuration
from butt.trouble import Finding, Trouble

OLDEST = timedelta(days=2)


def vault(settings: Configuration) -> Iterator[Finding]:
    """Whether its settings make sense. Whether it can be reached is in the log and the metrics of the steward."""
    if not settings.vault:
        return
    from butt.vault import VaultTrouble
    from butt.vault.sealing import identities
    from butt.vault.writing import writing

    try:
        writing(settings)
        if settings.vault_opens:
            identities(Path(settings.vault_opens))
    except VaultTrouble as trouble:
        yield Finding(
            f"The vault cannot be used: {trouble}", "Set BUTT_VAULT, BUTT_VAULT_KEY and BUTT_VAULT_OPENS."
        )
        return
    yield Finding(f"Bots' data is copied to {settings.vault}.")


def backups(settings: Configuration) -> Iterator[Finding]:
    if not settings.backup_to:
        return
    from butt.backups import BackupTrouble
    from butt.backups.keeping import newest, recipient_of

    again = "Run `butt backup`, and look at what its timer says: `systemctl status butt-backup`."
    try:
        recipient_of(settings.backup_key)
    except BackupTrouble as trouble:
        yield Finding("There is no key to encrypt backups with.", str(trouble))
    try:
        made = newest(settings.backup_to)
    except Trouble as trouble:
        yield Finding(str(trouble), "Set BUTT_BACKUP_TO, and the AWS_* variables that it needs.")
        return
    if made is None:
        yield Finding(f"There is no backup at {settings.backup_to} yet.", again)
        return
    age = datetime.now(UTC) - made
    yield Finding(
        f"The newest backup is {age.total_seconds() / 3600:.0f} hours old.", again if age > OLDEST else ""
    )
