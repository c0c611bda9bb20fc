"""What bots do with others: where they announce themselves, whom they follow, and which other pubs they
join.
"""
