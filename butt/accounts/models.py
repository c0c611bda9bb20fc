"""A person's account, and the tokens that open the API in their name."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models, transaction
from django.db.models.functions import Now

from butt.agents.models import Agent


class AccountManager(BaseUserManager["Account"]):
    @transaction.atomic
    def create_user(self, email: str, password: str, *, name: str = "", **extra: Any) -> "Account":
        """A new account with its person agent. Raises `IntegrityError` when the address has one."""
        agent = Agent.objects.create(type=Agent.Type.PERSON, name=name)
        account = self.model(email=email.lower(), agent=agent, **extra)
        account.set_password(password)
        account.save()
        return account

    def create_superuser(self, email: str, password: str, **extra: Any) -> "Account":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)


class Account(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(max_length=254, unique=True, help_text="In lower case.")
    agent = models.OneToOneField(Agent, models.PROTECT, related_name="account")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects: ClassVar[AccountManager] = AccountManager()

    USERNAME_FIELD = "email"

    def __str__(self) -> str:
        return self.email


class AccessToken(models.Model):
    """Kept as a hash only: who reads the database cannot act in anybody's name."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="tokens")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"token of {self.account_id} until {self.expires_at:%F}"
