"""Figures of the bots over time: how they are kept, rolled up, and said in a person's units."""
