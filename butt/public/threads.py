"""Which requests are slow by nature: they check passwords, send mail, or wait for Stripe or a bot.

They have their own threads, so that other pages never wait behind them.
"""

READING, CHANGING = frozenset({"GET", "HEAD"}), frozenset({"POST", "PUT", "PATCH", "DELETE"})
ANY = READING | CHANGING
SLOW: dict[str, frozenset[str]] = {
    # They check or set a password, and may send an email.
    **dict.fromkeys(
        (
            "start",
            "account_login",
            "account_signup",
            "account_change_password",
            "account_confirm_email",
            "account_email",
            "account_reauthenticate",
            "account_reset_password",
            "account_reset_password_from_key",
            "api:register",
            "api:sign_in",
            "delete-account",
            "export-password",
            "mfa_authenticate",
            "mfa_activate_totp",
            "mfa_deactivate_totp",
            "mfa_add_webauthn",
            "mfa_remove_webauthn",
            "mfa_generate_recovery_codes",
            "mfa_login_webauthn",
            "mfa_reauthenticate",
            "mfa_reauthenticate_webauthn",
            "people",
        ),
        CHANGING,
    ),
    # They call a bot.
    **dict.fromkeys(
        (
            "join",
            "listing",
            "login",
            "login-app",
            "new-ssb-id",
            "remove-ssb-id",
            "revoke-own-alias",
            "profile",
            "new-invite",
            "peers",
            "revoke",
            "api:create_invite",
            "api:set_open_invites",
            "api:invites",
            "api:relate",
            "api:revoke_invite",
        ),
        CHANGING,
    ),
    # They always call a bot.
    **dict.fromkeys(("alias", "member", "members", "api:list_members"), ANY),
    # They call Stripe.
    **dict.fromkeys(
        ("another", "billing", "card", "cancel", "import", "invoice", "leave", "newbie", "pay", "resume"), ANY
    ),
}
"""Names of views, with the methods for which they are slow."""


def is_slow(view: str | None, method: str) -> bool:
    return view in SLOW and method in SLOW[view]
