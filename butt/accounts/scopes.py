"""What an access token may be used for."""

from enum import StrEnum


class Scope(StrEnum):
    READ = "read"
    OPERATE = "operate"
    SECRETS = "secrets"

    @property
    def meaning(self) -> str:
        return MEANINGS[self]


MEANINGS = {
    Scope.READ: "see everything but secrets",
    Scope.OPERATE: "make, change and delete bots",
    Scope.SECRETS: "export secrets",
}
EVERYTHING = frozenset(Scope)


def granted(words: str) -> frozenset[Scope]:
    """The scopes in a token's row, as words; unknown words grant nothing."""
    return frozenset(scope for scope in Scope if scope in words.split())
