"""What people are told about their bots and payments, by e-mail or webhook: one table, one sender, all words."""
