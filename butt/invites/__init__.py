"""Invites to bots, who joined with them, and what a bot says about itself in public."""
