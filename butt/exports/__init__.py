"""Exporting a bot's data: what goes into an export, whether its log is whole, and how it is packed. No I/O of
its own.
"""
