"""What operators do to people, bots and machines: the journal records who took each action and why."""

from butt.trouble import Trouble


class NotDone(Trouble):
    """An action that cannot be done; the text says why and what to do."""
