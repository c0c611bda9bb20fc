"""The JSON API. Its contract is in `docs/api.md`; `/openapi.json` is generated from the code."""
