"""What people are told about their bots and payments, by email or webhook: one table, one sender, all words."""
