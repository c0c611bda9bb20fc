from django import template

from butt.invites.book import short

register = template.Library()
register.filter("short", short)
