"""What operators see of people, bots, money and the journal. Almost nothing can be changed, and nothing deleted."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from butt.accounts.models import Account, Impersonation
from butt.agents.bots import bots
from butt.agents.models import Agent, JournalEntry
from butt.agents.view import View
from butt.billing.chosen import billing
from butt.billing.interface import FREE_MONTH, GivesCoupons, NoAnswer, NoCoupon
from butt.billing.models import Payer
from butt.billing.money import shown
from butt.clouds import rentals
from butt.clouds.capacity import cost
from butt.clouds.interface import KEY_ENDS_SOON
from butt.clouds.models import AccessKey, Rented, Stock
from butt.clouds.models import WantedMachine as Tenancy
from butt.configuration import configuration
from butt.figures.units import size
from butt.limits.models import Slowed
from butt.limits.table import LIMITS
from butt.machines.models import Machine
from butt.operating.models import Announcement
from butt.vault.models import Vaulted

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

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        """All that are shown, unless a page names those that cannot be changed."""
        return self.readonly_fields or self.fields or ()


@admin.register(Account)
class PersonAdmin(ReadOnly):
    """Actions on a person have a page of their own, which asks for a reason; nothing is changed here."""

    list_display = ("email", "name", "created_at", "last_login", "is_active", "is_staff", "look", "act")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "agent__name", "agent__id")
    list_select_related = ("agent",)
    fields = (
        "email",
        "name",
        "created_at",
        "last_login",
        "leaves_at",
        "is_staff",
        "is_active",
        "look",
        "act",
    )

    @admin.display(ordering="agent__name")
    def name(self, account: Account) -> str:
        return account.agent.name

    def look(self, account: Account) -> str:
        return format_html('<a href="{}">look</a>', reverse("look", args=[account.agent_id]))

    def act(self, account: Account) -> str:
        return format_html('<a href="{}">act</a>', reverse("act-on-person", args=[account.agent_id]))


@admin.register(Agent)
class BotAdmin(ReadOnly):
    list_display = ("name", "state", "reason", "people", "created_at", "act")
    list_filter = ("progress__state",)
    search_fields = ("name", "id", "progress__ssb_id")
    fields = (
        "name",
        "id",
        "description",
        "created_at",
        "state",
        "reason",
        "ssb_id",
        "address",
        "release",
        "act",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:  # noqa: ARG002
        return bots().prefetch_related("belongs_to__target_agent__account")

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

    def act(self, bot: Agent) -> str:
        return format_html('<a href="{}">act</a>', reverse("act-on-bot", args=[bot.id]))

    def people(self, bot: Agent) -> str:
        return ", ".join(row.target_agent.account.email for row in bot.belongs_to.all())


class Gift(forms.ModelForm):  # type: ignore[type-arg]
    """A coupon for one payer, which must exist at Stripe."""

    class Meta:
        model = Payer
        fields = ("coupon",)
        help_texts: ClassVar[dict[str, str]] = {
            "coupon": f"{FREE_MONTH} makes their next month free. Or enter the id of a coupon in your Stripe account. It is given "
            "with their next invoice; then this field is empty again."
        }

    def clean_coupon(self) -> str:
        coupon = str(self.cleaned_data["coupon"]).strip()
        stripe = billing()
        if isinstance(stripe, GivesCoupons):
            try:
                stripe.give(self.instance, coupon)
            except (NoCoupon, NoAnswer) as no:
                raise forms.ValidationError(str(no)) from no
        return coupon


@admin.register(Payer)
class PayerAdmin(ReadOnly):
    """What is wanted of each payer and what was seen at Stripe; a card is shown as its brand and last four digits."""

    list_display = ("email", "quantity", "status", "paid_quantity", "period_end", "due_since", "trouble")
    list_filter = ("status",)
    search_fields = ("email", "customer", "subscription")
    fields = (
        "email", "quantity", "pays", "cancels", "customer", "subscription", "status", "paid_quantity", "period_end",
        "ends", "card_brand", "card_last4", "due_since", "stopped_at", "trouble", "coupon",
    )  # fmt: skip
    readonly_fields = fields[:-1]
    form = Gift
    ordering = ("-due_since", "email")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return billing().takes_money and admin.ModelAdmin.has_change_permission(self, request, obj)

    def save_model(self, request: HttpRequest, obj: Payer, form: Any, change: Any) -> None:
        """The form has already saved it: billing writes that row."""


@admin.register(Machine)
class Joined(ReadOnly):
    """The machines that joined the Salt master, their condition, and whether their bots are being moved away."""

    list_display = ("minion_id", "state", "bots", "host", "seen_at", "trouble", "emptied", "act")
    list_filter = ("state",)
    search_fields = ("minion_id", "host")
    fields = (
        "minion_id",
        "state",
        "host",
        "created_at",
        "seen_at",
        "trouble",
        "emptied",
        "facts",
        "strangers",
    )
    ordering = ("created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        found: QuerySet[Any] = rows.annotate(placed=Count("placements"))
        return found

    @admin.display(ordering="placed")
    def bots(self, row: Any) -> int:
        return int(row.placed)

    def emptied(self, row: Any) -> str:
        return "" if not row.emptying else str(row.emptying.get("trouble") or "its bots are moved away")

    def act(self, row: Any) -> str:
        return format_html('<a href="{}">act</a>', reverse("act-on-machine", args=[row.id]))


@admin.register(Rented)
class MachineAdmin(ReadOnly):
    """What each person's machine costs a month, in euros, next to what they pay."""

    list_display = (
        "person", "state", "reason", "mend", "zone", "type", "bots", "expected", "monthly", "each", "pays",
    )  # fmt: skip
    list_filter = ("state", "zone", "type")
    search_fields = ("agent_id", "server_id", "volume_id", "address4", "address6")
    fields = (
        "person", "agent_id", "state", "reason", "mend", "since", "zone", "type", "bots", "costs", "monthly", "each", "pays",
        "server_id", "volume_id", "address4", "address6", "tries", "restored",
    )  # fmt: skip
    ordering = ("-expected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        here = OuterRef("agent_id")
        paid = Payer.objects.filter(person_id=here, status__in=("active", "trialing"))
        rows: QuerySet[Any] = super().get_queryset(request)
        found: QuerySet[Any] = rows.annotate(
            email=Subquery(Account.objects.filter(agent_id=here).values("email")[:1]),
            bots_wanted=Subquery(Tenancy.objects.filter(agent_id=here).values("bots")[:1]),
            bots_paid=Subquery(paid.values("paid_quantity")[:1]),
            rooms_paid=Subquery(paid.values("paid_rooms")[:1]),
        )
        return found

    @admin.display(ordering="email")
    def person(self, row: Any) -> str:
        return row.email or f"gone ({row.agent_id})"

    @admin.display(ordering="bots_wanted")
    def bots(self, row: Any) -> int:
        return int(row.bots_wanted or 0)

    @admin.display(description="€ for each bot")
    def each(self, row: Any) -> str:
        return f"{max(row.expected, row.monthly) / max(self.bots(row), 1):.2f}"

    @admin.display(description="expected")
    def costs(self, row: Any) -> str:
        """The full cost, part by part, as known before it was rented."""
        stock = Stock.objects.filter(zone=row.zone, type=row.type).first()
        return str(cost(stock.offer, rentals.needs_of(self.bots(row)))) if stock else f"{row.expected:.2f} €"

    @admin.display(ordering="bots_paid", description="they pay")
    def pays(self, row: Any) -> str:
        settings, rooms = configuration(), row.rooms_paid or 0
        others = (row.bots_paid or 0) - rooms
        return shown(others * settings.price + rooms * settings.price_of("room"), settings.currency)


@admin.register(Slowed)
class SlowedAdmin(ReadOnly):
    """Who ran into which limit, the latest first; the row without a name counts all cases of that limit ever."""

    list_display = ("limit", "whom", "times", "first_at", "last_at", "why")
    list_filter = ("limit",)
    search_fields = ("limit", "who")
    ordering = ("-last_at",)

    @admin.display(ordering="who")
    def whom(self, row: Any) -> str:
        return row.who or "all of them"

    def why(self, row: Any) -> str:
        limit = LIMITS.get(row.limit)
        return f"{limit.what} At most {limit.most} {limit.unit}." if limit else ""


@admin.register(Stock)
class StockAdmin(ReadOnly):
    """What can be rented, and what a machine for one bot costs there a month, in euros."""

    list_display = ("zone", "type", "in_stock", "first_bot", "at")
    list_filter = ("zone", "in_stock")
    fields = ("zone", "type", "memory", "in_stock", "first_bot", "at")
    ordering = ("monthly", "zone")

    @admin.display(description="for one bot")
    def first_bot(self, row: Stock) -> str:
        needs = rentals.needs_of(1)
        return str(cost(row.offer, needs)) if row.memory >= needs.memory else "too small"


@admin.register(AccessKey)
class AccessKeyAdmin(ReadOnly):
    """The keys for calling the cloud: until when they are valid, and what needs to be done."""

    list_display = ("cloud", "ends_at", "is_well", "what", "at")
    fields = ("cloud", "ends_at", "what", "told_of", "at")

    @admin.display(boolean=True, description="well")
    def is_well(self, key: AccessKey) -> bool:
        return not self.what(key)

    @admin.display(description="what to do")
    def what(self, key: AccessKey) -> str:
        if key.trouble:
            return f"{key.trouble} {key.mend}".strip()
        left = key.ends_at - timezone.now() if key.ends_at else None
        if left is None or left > KEY_ENDS_SOON:
            return ""
        when = f"expires in {left.days} days" if left > timedelta(0) else "has expired"
        return f"The key {when}. {key.renew}".strip()


@admin.register(Vaulted)
class Copies(ReadOnly):
    """What the vault has of each bot, and what that costs a month."""

    list_display = (
        "bot", "shown_size", "a_month", "behind", "behind_since", "looked_at", "lost_at", "sound", "checked_at", "gone_at",
        "trouble",
    )  # fmt: skip
    list_filter = ("sound",)
    search_fields = ("bot_id",)
    fields = (
        "bot", "bot_id", "shown_size", "things", "a_month", "behind", "behind_since", "looked_at", "trouble", "lost_at", "back",
        "back_by", "back_words", "sound", "checked_at", "check_words", "gone_at",
    )  # fmt: skip
    ordering = ("-size",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        named = Agent.objects.filter(id=OuterRef("bot_id")).values("name")[:1]
        found: QuerySet[Any] = super().get_queryset(request).annotate(bot_name=Subquery(named))
        return found

    @admin.display(ordering="bot_name")
    def bot(self, row: Any) -> str:
        return row.bot_name or f"gone ({row.bot_id})"

    @admin.display(ordering="size", description="size")
    def shown_size(self, row: Any) -> str:
        return size(row.size)

    @admin.display(ordering="size", description="costs a month")
    def a_month(self, row: Any) -> str:
        settings = configuration()
        return (
            f"{row.size / (1 << 30) * settings.vault_price:.4f} {settings.currency.upper()}"
            if settings.vault_price
            else "?"
        )


@admin.register(JournalEntry)
class JournalAdmin(ReadOnly):
    list_display = ("at", "who", "what", "bot_name", "detail")
    list_filter = ("what",)
    search_fields = ("bot_name", "bot_id", "actor")
    date_hierarchy = "at"
    ordering = ("-at", "-id")

    @admin.display(description="actor")
    def who(self, entry: JournalEntry) -> str:
        return entry.actor


@admin.register(Announcement)
class AnnouncementAdmin(ReadOnly):
    """Announcements to everybody; a new one is written at `/console/announce`."""

    list_display = ("made_at", "subject", "told_up_to", "done_at")
    fields = ("made_at", "subject", "text", "told_up_to", "done_at")
    ordering = ("-made_at",)


@admin.register(Impersonation)
class ImpersonationAdmin(ReadOnly):
    list_display = ("at", "operator", "person", "reason", "until")
    list_select_related = ("operator", "person")
    ordering = ("-at",)
