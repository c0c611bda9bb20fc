"""Figures of the bots over time: how they are kept, rolled up, and shown in readable units."""
