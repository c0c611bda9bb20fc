"""The keys of releases: the digest of the source, followed by `-2` if it was built a second time."""


def digest_in(key: str) -> str:
    """The digest of the source that the release of this `key` was built from."""
    return key.partition("-")[0]
