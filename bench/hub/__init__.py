"""JupyterHub, what ours is measured beside: it too starts a server of their own for each person who asks."""
