"""The machines that bots run on: who they are, what each is to run, and what it says of itself."""
