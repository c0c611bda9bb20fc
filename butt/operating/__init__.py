"""What operators do day by day to people and bots: each action says who did it and why, in the journal."""


class NotDone(Exception):
    """An action that cannot be done; its text says why and what to do."""
