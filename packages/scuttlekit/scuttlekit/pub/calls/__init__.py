"""What peers, guests and masters may call of the pub."""
