"""Butt as a Service: your own Secure Scuttlebutt pub in the cloud."""
