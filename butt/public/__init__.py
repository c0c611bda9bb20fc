"""The public http server: pages for people, a JSON API for programs."""
