"""Invites to bots, who came by them, and what a bot says of itself in public."""
