"""The public HTTP server: pages for people, a JSON API for programs."""
