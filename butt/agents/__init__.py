"""The data: who there is, what is wanted of each bot, and what is observed of it."""
