"""All data about a person, for them to download. It contains no secrets."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession

from butt.accounts.models import AccessToken, Account, Impersonation, Invitation, SsbId
from butt.agents.bots import bots_of
from butt.agents.models import Agent, JournalEntry


def personal_data(account: Account) -> dict[str, Any]:
    """Ready for JSON, except for datetimes."""
    person = account.agent
    theirs = JournalEntry.objects.filter(actor=str(person.id)) | JournalEntry.objects.filter(bot_id=person.id)
    return {
        "person": {
            "id": person.id,
            "name": person.name,
            "email": account.email,
            "createdAt": account.created_at,
            "lastSignInAt": account.last_login,
            "leavesAt": account.leaves_at,
            "agreedAt": account.agreed_at,
            "agreedTo": account.agreed_to,
        },
        "emails": list(EmailAddress.objects.filter(user=account).values("email", "verified", "primary")),
        "bots": [
            {
                "id": bot.id,
                "name": bot.name,
                "description": bot.description,
                "createdAt": bot.created_at,
                "role": bot.role,
            }
            for bot in bots_of(person)
        ],
        "tokens": list(
            AccessToken.objects.filter(account=account).values(
                "name", "scopes", "created_at", "expires_at", "last_used_at"
            )
        ),
        "sessions": list(UserSession.objects.filter(user=account).values("ip", "user_agent", "created_at")),
        "secondFactors": list(
            Authenticator.objects.filter(user=account).values("type", "created_at", "last_used_at")
        ),
        "ssbIds": list(
            SsbId.objects.filter(account=account).values("ssb_id", "bot__name", "created_at", "last_used_at")
        ),
        "toldOf": list(person.messages.order_by("created_at").values("event", "channel", "sent_at")),
        "toldHow": Agent.objects.filter(id=person.id)
        .values("preferences__mail", "preferences__webhook")
        .get(),
        "invitations": list(Invitation.objects.filter(inviter=person).values("bot__name", "email", "role")),
        "lookedAt": list(Impersonation.objects.filter(person=person).values("at", "until", "reason")),
        "journal": list(theirs.order_by("at").values("at", "bot_name", "what", "detail")),
    }
