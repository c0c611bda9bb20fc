"""What operators do day by day to people and bots: the journal records who took each action and why."""


class NotDone(Exception):
    """An action that cannot be done; the text says why and what to do."""
