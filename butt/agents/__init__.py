"""The data: which agents exist, what is wanted of each bot, and what is observed of it."""
