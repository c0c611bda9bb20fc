"""Fields of forms that are not ours."""

from django import template
from django.forms import BoundField

register = template.Library()


@register.filter
def without_placeholder(field: BoundField) -> str:
    """What its label says already is not said in it once more."""
    return field.as_widget(attrs={"placeholder": False})
