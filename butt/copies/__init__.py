"""Copies of a whole bot, encrypted for its owner's key, at a place that the owner chose."""


class CopyTrouble(Exception):
    """Why a copy could not be made; the text is for the owner of the copy."""
