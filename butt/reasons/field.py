"""The column of a reason."""

from typing import TYPE_CHECKING, Any

from django.db import models

from butt.reasons import from_stored, to_stored

if TYPE_CHECKING:
    Text = models.TextField[str, str]
else:
    Text = models.TextField


class ReasonField(Text):
    """Text that may be a `Reason`, which then keeps its code and values."""

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        return to_stored(value) if isinstance(value, str) else text

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        return value if value is None else from_stored(value)

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """For migrations it is a column of text like any other."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs
