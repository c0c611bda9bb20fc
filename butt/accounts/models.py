"""A person's account, and what opens it or shares what is theirs."""

from typing import Any, ClassVar, cast

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models, transaction
from django.db.models.functions import Now

from butt.accounts.scopes import Scope, granted
from butt.agents.models import Agent, Role
from butt.agents.prepared import PreparedModels


class AccountManager(BaseUserManager["Account"]):
    def get_queryset(self) -> models.QuerySet["Account"]:
        """Each with its agent, as nearly every page and call needs that next."""
        return super().get_queryset().select_related("agent")

    def get(self, *args: Any, **conditions: Any) -> "Account":
        """Django asks for the person of each request by `pk` alone, so that query is prepared."""
        if args or conditions.keys() != {"pk"}:
            return super().get(*args, **conditions)
        if (account := _by_number.first(conditions["pk"])) is None:
            raise Account.DoesNotExist
        return cast("Account", account)

    @transaction.atomic
    def create_user(self, email: str, password: str | None, *, name: str = "", **extra: Any) -> "Account":
        """A new account with its person agent. Raises `IntegrityError` if the address already has one.

        Without a password, nobody can sign in until one is chosen by a link. The address of an operator who
        is created on the command line counts as verified.
        """
        from allauth.account.models import EmailAddress

        agent = Agent.objects.create(type=Agent.Type.PERSON, name=name)
        account = self.model(email=email.lower(), agent=agent, **extra)
        account.set_password(password)
        account.save()
        EmailAddress.objects.create(
            user=account, email=account.email, primary=True, verified=account.is_staff
        )
        return account

    def create_superuser(self, email: str, password: str | None, **extra: Any) -> "Account":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)


class Account(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(max_length=254, unique=True, help_text="In lower case.")
    agent = models.OneToOneField(Agent, models.PROTECT, related_name="account")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    leaves_at = models.DateTimeField(null=True, blank=True, help_text="Deleted by its person; it goes then.")
    agreed_at = models.DateTimeField(
        null=True, blank=True, help_text="When they agreed to the operator's terms."
    )
    agreed_to = models.CharField(
        max_length=500, blank=True, default="", help_text="The address of the terms."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects: ClassVar[AccountManager] = AccountManager()

    USERNAME_FIELD = "email"

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new password ends everything that opened the account before. Rehashing the same one at sign-in
        does not count.
        """
        is_new = getattr(self, "_password", None) is not None and not self._state.adding
        with transaction.atomic():
            super().save(*args, **kwargs)
            if is_new:
                self._take_back()

    def _take_back(self) -> None:
        """Until now, the account may have been open to somebody else: a thief, or whoever registered an address that
        was not theirs. Sessions end by themselves, as they depend on the password; tokens and unconfirmed addresses do not.
        """
        from allauth.account.models import EmailAddress

        self.tokens.all().delete()
        EmailAddress.objects.filter(user=self).exclude(email=self.email).delete()


_by_number = PreparedModels(lambda number: Account.objects.filter(pk=number), -1)


class AccessToken(models.Model):
    """Stored only as a hash: whoever reads the database cannot act in anybody's name."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=60, default="signed in")
    scopes = models.CharField(max_length=60, default="operate read secrets", help_text="Words.")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the minute.")

    def __str__(self) -> str:
        return f"token of {self.account_id} until {self.expires_at:%F}"

    @property
    def granted(self) -> frozenset[Scope]:
        return granted(self.scopes)


class SsbId(models.Model):
    """An SSB id that opens an account: its owner's app proved it through a pub of theirs, and does so at each
    sign-in.
    """

    account = models.ForeignKey(Account, models.CASCADE, related_name="ssb_ids")
    bot = models.ForeignKey(Agent, models.CASCADE, related_name="opens_accounts")
    ssb_id = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.ssb_id


class SignOut(models.Model):
    """Somebody asked in their app to end all sessions that they opened through a bot."""

    bot = models.ForeignKey(Agent, models.CASCADE, related_name="sign_outs")
    ssb_id = models.CharField(max_length=64)
    told = models.PositiveBigIntegerField(help_text="When, by the pub's clock, in ms since 1970.")
    at = models.DateTimeField(help_text="When we heard of it.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bot", "ssb_id"], name="signed_out_last")]


class Invitation(models.Model):
    """Somebody is asked to share a bot. The link in their email is signed, and not stored in this row."""

    bot = models.ForeignKey(Agent, models.CASCADE, related_name="invitations")
    inviter = models.ForeignKey(Agent, models.CASCADE, related_name="invitations_sent")
    email = models.EmailField(max_length=254)
    role = models.CharField(
        max_length=9, choices=Role, default=Role.OWNER, db_default=Role.OWNER, help_text="What they will be."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bot", "email"], name="invited_once")]


class Impersonation(models.Model):
    """An operator views a person's pages, for a limited time and a stated reason."""

    operator = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="impersonations")
    person = models.ForeignKey(Agent, models.CASCADE, related_name="impersonated")
    reason = models.CharField(max_length=300)
    at = models.DateTimeField(db_default=Now(), editable=False)
    until = models.DateTimeField()

    class Meta:
        db_table = "accounts_look"
