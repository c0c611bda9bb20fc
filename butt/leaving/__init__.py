"""Bots that are being deleted: what their owners are told, and what is left behind when they are gone."""
