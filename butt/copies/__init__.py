"""A copy of one's own: a bot's whole data, sealed for its owner's key, at a place that they chose."""


class CopyTrouble(Exception):
    """Why a copy could not be made; the text is for the owner of the copy."""
