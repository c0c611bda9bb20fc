"""How a person proves to be themself: an e-mail address with a password, or an access token."""
