"""A copy of one's own: a bot's whole data, sealed for its owner's key, at a place that they chose."""


class CopyTrouble(Exception):
    """Why a copy could not be made; its text is for the person whose copy it is."""
