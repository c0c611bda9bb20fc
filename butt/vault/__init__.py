"""The vault: what bots keep, in object storage, sealed with the operator's key before it leaves. For bots as processes.

Nothing is ever deleted or written over there: what is sent has a name of its own, made of its place and its digest.
"""


class VaultTrouble(Exception):
    """Why something cannot be read from the vault or brought back; its text says what to do."""
