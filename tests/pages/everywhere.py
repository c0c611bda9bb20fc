"""Every page there is, by who opens it."""

import base64
from urllib.parse import quote

from butt.agents.states import State
from scuttlekit import KeyPair

APP, CHALLENGE = quote(KeyPair(b"a" * 32).id), quote(base64.b64encode(b"c" * 32).decode())
NEWBIE, ALICE = "newbie@example.org", "alice@example.org"

OPEN = [
    "/",
    "/start",
    "/login",
    "/login/app",
    f"/login?ssb-http-auth=1&cid={APP}&cc={CHALLENGE}",
    "/member/alive-bot",
    "/password",
    "/password/sent",
    "/password/1/spent-key",
    "/account/inactive",
    "/nothing-here",
    "/sign-out",
    *(f"/join/{name}-alive-bot" for name in ("alice", "carol", "dan", "eve")),
    "/join/carol-stopped-bot",
    "/@alive-bot",
]
OF_A_NEWBIE = ["/newbie", "/bots", "/account/email/sent"]
STATUS = [*(f"/bots/{state}-bot/status" for state in State), "/bots/alive-bot/status?range=24h"]
LOGS = ["/bots/alive-bot/log", "/bots/new-bot/log"]
INVITES = ["/bots/alive-bot/invites", "/bots/stopped-bot/invites", "/bots/alive-bot/invites/new"]
OF_BOTS = [
    "/bots",
    "/bots/new",
    "/bots/import",
    *(f"/bots/{state}-bot" for state in State),
    *(
        f"/bots/alive-bot/{part}"
        for part in (
            "upgrade",
            "delete",
            "export",
            "export/password",
            "people",
            "network",
            "members",
            "limits",
        )
    ),
    "/bots/new-bot/network",
    *STATUS,
    *LOGS,
    *INVITES,
    "/account",
    *(
        f"/account/{part}"
        for part in (
            "email",
            "password",
            "factors",
            "ssb",
            "sessions",
            "tokens",
            "delete",
            "again",
        )
    ),
]
OF_PROVEN = ["/account/webhook", "/account/tokens/new", "/account/ssb/new", "/bots/alive-bot/copy"]
"""Pages for somebody who has just proved again who they are."""

PATHS = [
    *(("", path) for path in OPEN),
    *((NEWBIE, path) for path in OF_A_NEWBIE),
    *((ALICE, path) for path in (*OF_BOTS, *OF_PROVEN)),
]
