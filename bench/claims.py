"""The results of a run: the rows of the table at the top of `docs/benchmarks.md`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """`ours` and `beside` are both in `unit`; the ratio is the first divided by the second."""

    what: str
    ours: float
    beside: float
    unit: str
    whom: str

    @property
    def row(self) -> str:
        cells = [self.what, self._said(self.ours), f"{self.whom}: {self._said(self.beside)}"]
        return f"| {' | '.join(cells)} | {self.ours / self.beside:.2g} |"

    def _said(self, value: float) -> str:
        return f"{value:,.0f} {self.unit}" if value >= 100 else f"{value:.3g} {self.unit}"


CLAIMS: list[Claim] = []
"""Of this process, which is that of one benchmark."""


def claim(what: str, ours: float, beside: float, unit: str, whom: str = "ssb-server") -> None:
    CLAIMS.append(Claim(what, ours, beside, unit, whom))


def table(claims: list[Claim]) -> str:
    """Empty if nothing was claimed."""
    head = ["| what | ours | beside | ratio |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *(one.row for one in claims)]) + "\n" if claims else ""
