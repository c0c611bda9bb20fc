"""The steward and the workers beside it: threads of one process."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from butt.rounds import GoOn

if TYPE_CHECKING:
    from butt.configuration import Configuration
    from butt.hosts import Host
    from butt.vault.keeper import VaultKeeper
    from butt.vault.returning import Returner


class Stewarding:
    """Raises `ClickException` if the settings do not let it work. `counts` says whether what this process counts is
    the steward's.
    """

    def __init__(self, settings: "Configuration", *, counts: bool = True) -> None:
        from butt.beats.heart import Heart
        from butt.clouds import CloudTrouble, chosen_cloud
        from butt.hosts import chosen_host

        _refuse_what_would_be_charged()
        try:
            self._cloud = chosen_cloud()
        except CloudTrouble as trouble:
            raise click.ClickException(f"{trouble} {trouble.mend}".strip()) from None
        if self._cloud.makes_machines and (settings.host, settings.salt) != ("salt", "master"):
            raise click.ClickException("Machines in the cloud need BUTT_HOST=salt and BUTT_SALT=master.")
        self._host = chosen_host()
        self._vault = _vault_keeper(settings) if settings.vault else None
        self._returner = _returner(settings, self._host) if settings.vault else None
        self._heart = Heart("steward", counts=counts)

    def run(self, goes_on: GoOn) -> None:
        """Work as long as `goes_on()`."""
        from butt.beats import systemd
        from butt.identity import service_keys
        from butt.steward.steward import Steward

        self._start_workers(goes_on)

        def steward_goes_on() -> bool:
            self._heart.pulse()
            return goes_on()

        self._heart.start()
        systemd.ready()
        Steward(self._host, (service_keys().id,)).run(steward_goes_on)
        self._heart.stop()

    def stop_bots(self) -> None:
        """Stop all bots of this machine. Raises `HostTrouble`."""
        self._host.stop_all()

    def _start_workers(self, goes_on: GoOn) -> None:
        from butt.billing import worker
        from butt.copies.copying import Copier
        from butt.hosts import BackgroundWork
        from butt.sources.builder import Builder

        works = {"builder": Builder().run, "billing": worker.run, "copies": Copier().run}
        if isinstance(self._host, BackgroundWork):
            works["host"] = self._host.work
        if self._vault and self._returner:
            works |= {"vault": self._vault.run, "returner": self._returner.run}
        for name, work in works.items():
            threading.Thread(target=work, args=(goes_on,), name=name, daemon=True).start()
        if self._cloud.makes_machines:
            from butt.clouds import tenants
            from butt.clouds.keeper import Keeper

            keeper = Keeper(self._cloud, tenants.document, forget=tenants.forget)
            threading.Thread(
                target=keeper.run, args=(goes_on, tenants.settle), name="keeper", daemon=True
            ).start()


def _refuse_what_would_be_charged() -> None:
    from butt.billing.chosen import billing

    if refusal := billing().refusal():
        raise click.ClickException(refusal)


def _vault_keeper(settings: "Configuration") -> "VaultKeeper":
    """The worker that sends to the vault. Invalid settings are reported at the start; a vault that is away is
    waited for.
    """
    from butt.vault import VaultTrouble
    from butt.vault.keeper import VaultKeeper
    from butt.vault.writing import writing

    try:
        return VaultKeeper(writing(settings), settings.home / "bots", round(settings.vault_gib * (1 << 30)))
    except VaultTrouble as trouble:
        raise click.ClickException(str(trouble)) from None


def _returner(settings: "Configuration", host: "Host") -> "Returner":
    from butt.storage import store_at
    from butt.vault.returning import Returner
    from butt.vault.sealing import identities

    return Returner(host, store_at(settings.vault), lambda: identities(Path(settings.vault_opens)))
