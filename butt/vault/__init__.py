"""The vault: what bots keep, in object storage, sealed with the operator's key before it leaves.

Nothing that is sent is written over: each thing has a name of its own, made of its place and its digest. Bots of this machine
are read by the `keeper`; machines send theirs to the private server, which seals and stores.
"""

from butt.trouble import Trouble


class VaultTrouble(Trouble):
    """Why something cannot be read from the vault or brought back; the text says what to do."""


class UnderWay(VaultTrouble):
    """Somebody else is bringing this bot back at this moment."""


class VaultAway(VaultTrouble):
    """The vault could not be reached, or does not store what it should. The same may work later."""
