"""The pages of a person's account: ours, and those of allauth under our own names."""

from allauth.account import views as allauth
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from django.urls import path

from butt.public.pages import account, confirmation, entry, ssb_ids, tokens, webhook
from butt.public.passkeys import well_formed

# `start` is the only way to sign in and `sign-out` the only way out, whatever names allauth uses for them.
doors = [
    path("start", entry.start, name="account_login"),
    path("start", entry.start, name="account_signup"),
    path("sign-out", entry.sign_out, name="account_logout"),
]
account_patterns = [
    *doors,
    path("start/code", well_formed(factors.authenticate), name="mfa_authenticate"),
    path("start/passkey", well_formed(passkeys.login_webauthn), name="mfa_login_webauthn"),
    path("password", allauth.password_reset, name="account_reset_password"),
    path("password/sent", allauth.password_reset_done, name="account_reset_password_done"),
    path("password/done", allauth.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    path(
        "password/<str:uidb36>/<str:key>",
        allauth.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("account", account.account, name="account"),
    path("account/email", allauth.email, name="account_email"),
    path("account/email/sent", allauth.email_verification_sent, name="account_email_verification_sent"),
    path("account/email/<str:key>", confirmation.confirm_email, name="account_confirm_email"),
    path("account/password", allauth.password_change, name="account_change_password"),
    path("account/inactive", allauth.account_inactive, name="account_inactive"),
    path("account/again", allauth.reauthenticate, name="account_reauthenticate"),
    path("account/again/code", factors.reauthenticate, name="mfa_reauthenticate"),
    path(
        "account/again/passkey",
        well_formed(passkeys.reauthenticate_webauthn),
        name="mfa_reauthenticate_webauthn",
    ),
    path("account/factors", factors.index, name="mfa_index"),
    path("account/factors/app", totp.activate_totp, name="mfa_activate_totp"),
    path("account/factors/app/remove", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("account/factors/codes", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("account/factors/codes/new", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("account/factors/passkeys", passkeys.list_webauthn, name="mfa_list_webauthn"),
    path("account/factors/passkeys/new", well_formed(passkeys.add_webauthn), name="mfa_add_webauthn"),
    path("account/factors/passkeys/<int:pk>/name", passkeys.edit_webauthn, name="mfa_edit_webauthn"),
    path("account/factors/passkeys/<int:pk>/remove", passkeys.remove_webauthn, name="mfa_remove_webauthn"),
    path("account/ssb", ssb_ids.ssb_ids, name="ssb-ids"),
    path("account/ssb/new", ssb_ids.new, name="new-ssb-id"),
    path("account/ssb/<int:number>/remove", ssb_ids.remove, name="remove-ssb-id"),
    path("account/sessions", account.sessions, name="usersessions_list"),
    path("account/tokens", tokens.tokens, name="tokens"),
    path("account/tokens/new", tokens.new_token, name="new-token"),
    path("account/tokens/<int:number>/revoke", tokens.revoke_token, name="revoke-token"),
    path("account/webhook", webhook.webhook, name="webhook"),
    path("account/data", account.data, name="my-data"),
    path("account/delete", account.delete, name="delete-account"),
    path("account/stay", account.stay, name="stay"),
]
