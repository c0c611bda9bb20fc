"""The first operator, who can give all others access to the console."""

from dataclasses import dataclass

from butt.installing import NAME
from butt.installing.plan import Plan
from butt.installing.settings import environment
from butt.installing.system import System

COMMAND = "first-operator"


@dataclass(frozen=True)
class FirstOperator:
    system: System
    plan: Plan
    what: str = "There is an operator"

    def is_done(self) -> bool:
        given = environment(self.system, self.plan)
        return self.system.succeeds(self.plan.program, COMMAND, user=NAME, settings=given)

    def do(self) -> None:
        given = environment(self.system, self.plan)
        self.system.run(self.plan.program, COMMAND, self.plan.operator, user=NAME, settings=given)

    def undo(self) -> str:
        return ""
