"""The JSON API. Its contract stands in `docs/api.md`; `/openapi.json` is made from the code."""
