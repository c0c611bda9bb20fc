"""What operators see of people, bots, money and the journal. Hardly anything can be changed, and nothing deleted."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from butt.accounts.models import Account, Look
from butt.agents.models import Agent, JournalEntry
from butt.agents.view import View
from butt.billing.models import Payer

if TYPE_CHECKING:
    Rows = admin.ModelAdmin[Any]
else:
    Rows = admin.ModelAdmin


class ReadOnly(Rows):
    actions = None
    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


@admin.register(Account)
class People(ReadOnly):
    """An account may be closed and opened again; all else is its person's."""

    list_display = ("email", "name", "created_at", "last_login", "is_active", "is_staff", "look")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "agent__name", "agent__id")
    list_select_related = ("agent",)
    fields = ("email", "name", "created_at", "last_login", "leaves_at", "is_staff", "is_active", "look")
    readonly_fields = ("email", "name", "created_at", "last_login", "leaves_at", "is_staff", "look")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    @admin.display(ordering="agent__name")
    def name(self, account: Account) -> str:
        return account.agent.name

    def look(self, account: Account) -> str:
        return format_html('<a href="{}">look</a>', reverse("look", args=[account.agent_id]))


@admin.register(Agent)
class Bots(ReadOnly):
    list_display = ("name", "state", "reason", "people", "created_at")
    list_filter = ("progress__state",)
    search_fields = ("name", "id", "progress__ssb_id")
    fields = ("name", "id", "description", "created_at", "state", "reason", "ssb_id", "address", "release")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:  # noqa: ARG002
        rows = Agent.objects.filter(type=Agent.Type.BOT).select_related("wanted", "progress", "observed")
        return rows.prefetch_related("belongs_to__target_agent__account")

    def state(self, bot: Agent) -> str:
        return f"#{View(bot).state}"

    def reason(self, bot: Agent) -> str:
        return View(bot).reason

    def ssb_id(self, bot: Agent) -> str:
        return View(bot).ssb_id or ""

    def address(self, bot: Agent) -> str:
        return View(bot).address or ""

    def release(self, bot: Agent) -> str:
        return View(bot).release

    def people(self, bot: Agent) -> str:
        return ", ".join(row.target_agent.account.email for row in bot.belongs_to.all())


@admin.register(Payer)
class Payers(ReadOnly):
    """What is wanted of each payer and what was seen at Stripe; a card is its brand and its last four digits."""

    list_display = ("email", "quantity", "status", "paid_quantity", "period_end", "due_since", "trouble")
    list_filter = ("status",)
    search_fields = ("email", "customer", "subscription")
    fields = (
        "email", "quantity", "pays", "cancels", "customer", "subscription", "status", "paid_quantity", "period_end",
        "ends", "card_brand", "card_last4", "due_since", "stopped_at", "trouble",
    )  # fmt: skip
    readonly_fields = fields
    ordering = ("-due_since", "email")


@admin.register(JournalEntry)
class Journal(ReadOnly):
    list_display = ("at", "who", "what", "bot_name", "detail")
    list_filter = ("what",)
    search_fields = ("bot_name", "bot_id", "actor")
    date_hierarchy = "at"
    ordering = ("-at", "-id")

    @admin.display(description="actor")
    def who(self, entry: JournalEntry) -> str:
        return entry.actor


@admin.register(Look)
class Looks(ReadOnly):
    list_display = ("at", "operator", "person", "reason", "until")
    list_select_related = ("operator", "person")
    ordering = ("-at",)
