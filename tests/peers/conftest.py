from tests.invites.conftest import alice, bot, real_pub

__all__ = ["alice", "bot", "real_pub"]
