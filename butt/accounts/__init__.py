"""How people prove who they are: with an email address and a password, or with an access token."""
