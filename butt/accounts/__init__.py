"""How people prove who they are: with an e-mail address and a password, or with an access token."""
