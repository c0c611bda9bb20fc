"""The public JSON API as a Python client, for the command line: no Django, no settings of the service."""
