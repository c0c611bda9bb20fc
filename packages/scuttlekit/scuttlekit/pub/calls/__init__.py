"""The calls that the pub offers to peers, guests and masters."""
