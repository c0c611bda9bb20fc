from tests.machines.machines import alices, bot

__all__ = ["alices", "bot"]
