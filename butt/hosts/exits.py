"""The exit codes of a pub that matter here, as `packages/scuttlekit/PUB.md` lists them."""

PORT_TAKEN = 65
UNREADABLE_LOG = 69
DISK_FULL = 74

FINAL = (64, PORT_TAKEN, 66, 67, 68, UNREADABLE_LOG, 71, 72, DISK_FULL, 78)
"""With one of these the pub has said why it cannot run: starting it again at once is no use."""
