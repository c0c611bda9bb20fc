"""Fields of forms that are not ours."""

from django import template
from django.forms import BoundField

register = template.Library()


@register.filter
def without_placeholder(field: BoundField) -> str:
    """No placeholder that repeats the label."""
    return field.as_widget(attrs={"placeholder": False})
