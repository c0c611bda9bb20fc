"""Django's settings, all taken from `butt.configuration`. Importing them creates no file and changes no process."""

from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from django.utils.functional import SimpleLazyObject

from butt.configuration import configuration
from butt.limits.table import BODY_BYTES

_butt = configuration()

# The key is created when it is first used, if there is none.
SECRET_KEY = SimpleLazyObject(_butt.signing_key)
DEBUG = _butt.debug
_public = urlsplit(_butt.public_url)
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", _public.hostname or "", _butt.domain]
CSRF_TRUSTED_ORIGINS = [_butt.public_url]

INSTALLED_APPS = [
    "butt.public",  # first, so that its templates come before those of others
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "ninja",
    "butt.limits",
    "butt.beats",
    "butt.agents",
    "butt.sources",
    "butt.figures",
    "butt.clouds",
    "butt.machines",
    "butt.accounts",
    "butt.outbox",
    "butt.invites",
    "butt.peers",
    "butt.leaving",
    "butt.operating",
    "butt.imports",
    "butt.billing",
    "butt.vault",
    "butt.copies",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "butt.public.apps.ConsoleConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "butt.public.compressed.Compressed",
    "csp.middleware.CSPMiddleware",
    "butt.public.static_files.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Innermost, as they are not async: all the others then run in one thread, with no switch for each.
    "butt.public.browsers.remembering",
    "butt.public.holding.holding",
    "butt.public.pages.errors.not_allowed",
    "butt.public.pages.errors.refused",
]
ROOT_URLCONF = "butt.public.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "butt.public.context.site",
                "butt.public.context.banners",
            ],
        },
    },
]

DATABASES = {"default": dj_database_url.parse(_butt.database, conn_max_age=60, conn_health_checks=True)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    DATABASES["default"]["ENGINE"] = "butt.postgresql"
    # Only those statements are prepared that ask for it (`butt.agents.prepared`), however often others are used.
    DATABASES["default"].setdefault("OPTIONS", {})["prepare_threshold"] = 2**31
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Writers queue at BEGIN instead of failing half-way. With WAL, a commit survives a crash of ours without
    # an fsync each; if the machine itself loses power, every lost step is done again.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

AUTH_USER_MODEL = "accounts.Account"
PASSWORD_HASHERS = ["butt.accounts.hashing.Hasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "start"
LOGIN_REDIRECT_URL = "dashboard"
ACCOUNT_LOGOUT_REDIRECT_URL = "landing"
ACCOUNT_ADAPTER = "butt.public.letters.Adapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_FORMS = {"add_email": "butt.public.new_address.NewAddress"}
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
MFA_ADAPTER = "butt.public.factors.Factors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1
MFA_TOTP_ISSUER = _butt.site_name
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = _public.scheme == "http"
# Counted in the database, as all servers share it.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "accounts_cache"},
    # Fragments of pages, which each server may as well render for itself.
    "template_fragments": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
SESSION_ENGINE = "butt.accounts.session_store"
SESSION_COOKIE_NAME = "butt"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _public.scheme == "https"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = _public.scheme == "https"
SECURE_REDIRECT_EXEMPT = ["^up$", "^ready$"]
SECURE_HSTS_SECONDS = 31_536_000 if _public.scheme == "https" else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _public.scheme == "https"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = BODY_BYTES.default

STATIC_URL = "static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "butt.public.static_files.Storage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

_mail = urlsplit(_butt.email_url)
EMAIL_BACKEND = f"butt.accounts.counted_mail.{_mail.scheme.removesuffix('s').title()}Mail"
# No password is sent unencrypted; a server that asks for no password runs on this machine.
EMAIL_USE_SSL = _mail.scheme == "smtps"
EMAIL_USE_TLS = _mail.scheme == "smtp" and bool(_mail.username)
# Mail is sent while somebody waits for a page: a server that does not respond must not block all threads.
EMAIL_TIMEOUT = 10
EMAIL_HOST, EMAIL_PORT = (
    _mail.hostname or "localhost",
    _mail.port or (465 if EMAIL_USE_SSL else 587 if EMAIL_USE_TLS else 25),
)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail.username or ""), unquote(_mail.password or "")
DEFAULT_FROM_EMAIL = f"{_butt.site_name} <hello@{_butt.domain}>"

LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "butt.limits.logs.TextFormatter",
            "format": "{asctime} {levelname:<7} {name}: {message}{request}",
            "style": "{",
        },
        "json": {"()": "butt.limits.logs.JsonFormatter"},
    },
    "filters": {"sparing": {"()": "butt.limits.logs.Sparing"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": _butt.log, "filters": ["sparing"]},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    # At INFO it logs people's addresses.
    "loggers": {"stripe": {"level": "WARNING"}},
}
if _dsn := _butt.sentry_dsn.get_secret_value():
    LOGGING["handlers"]["reports"] = {
        "()": "butt.error_reports.ErrorReports",
        "dsn": _dsn,
        "filters": ["sparing_reports"],
    }
    LOGGING["filters"]["sparing_reports"] = {"()": "butt.limits.logs.Sparing"}
    LOGGING["root"]["handlers"] = ["console", "reports"]
