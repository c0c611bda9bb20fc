"""The monthly payment: what each person should pay, what Stripe says they do, and what follows for their bots."""
