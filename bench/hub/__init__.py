"""JupyterHub, which ours is compared with: it also starts a server for each person who asks for one."""
