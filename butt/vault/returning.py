"""Bringing back bots on request: each stops first, then its data is placed, then it starts and catches up.

Each step is saved before the next. If killed anywhere, the next round continues from the row.
"""

import logging
from collections.abc import Callable
from typing import Any

from butt.agents import journal
from butt.agents.actions import Refused, ask
from butt.agents.bots import bots
from butt.agents.models import Agent
from butt.agents.states import Action, State
from butt.hosts.interface import Host, HostTrouble
from butt.rounds import rounds
from butt.storage import Store
from butt.vault import UnderWay, VaultAway, VaultTrouble
from butt.vault.coming_back import bring_back
from butt.vault.models import ReturnStep, Vaulted

log = logging.getLogger("butt.vault")

TICK, AFTER_TROUBLE = 1.0, 5.0
BY = "vault"
AWAY = "The vault could not be reached. This is tried again automatically."


class Returner:
    def __init__(self, host: Host, store: Store, keys: Callable[[], list[Any]]) -> None:
        """`keys` are read each time: the operator may bring them when they are needed."""
        self._host, self._store, self._keys = host, store, keys

    def run(self, go_on: Callable[[], bool]) -> None:
        rounds(self.round, go_on, log, AFTER_TROUBLE)

    def round(self) -> float:
        """One step for each bot on its way back; returns for how many seconds to rest."""
        rest = TICK
        for copy in Vaulted.objects.exclude(back=""):
            bot = bots().filter(id=copy.bot_id).first()
            if bot is None or bot.wanted.gone_at is not None:
                _end(copy, "")
                continue
            try:
                self._step(copy, bot)
            except UnderWay as other:
                log.info("%s: %s", bot.name, other)
            except (VaultAway, HostTrouble) as trouble:
                log.warning("%s waits on its way back: %s", bot.name, trouble)
                # Owners read this: where the vault is, is not for them.
                cause = AWAY if isinstance(trouble, VaultAway) else trouble
                Vaulted.objects.filter(bot_id=copy.bot_id).update(back_words=f"It waits: {cause}"[:500])
                rest = AFTER_TROUBLE
            except (VaultTrouble, Refused) as no:
                log.warning("%s does not come back: %s", bot.name, no)
                journal.note(bot, BY, "not back", words=str(no)[:300])
                _end(copy, str(no))
                _start_again(copy, bot)
        return rest

    def _step(self, copy: Vaulted, bot: Agent) -> None:
        if copy.back == ReturnStep.ASKED:
            if bot.wanted.run:
                ask(BY, bot, Action.STOP, lambda _: {"run": False})
                return
            if bot.progress.state == State.STOPPED:
                # It saves that the bot is placed in the same statement as what makes the steward place it.
                bring_back(bot, self._host, self._store, self._keys())
            return
        _start_again(copy, bot)
        _end(copy, "")


def _start_again(copy: Vaulted, bot: Agent) -> None:
    if copy.ran:
        try:
            ask(BY, bot, Action.START, lambda _: {"run": True})
        except Refused as no:
            log.info("%s stays stopped: %s", bot.name, no)


def _end(copy: Vaulted, words: str) -> None:
    Vaulted.objects.filter(bot_id=copy.bot_id).update(back="", back_words=words[:500])
