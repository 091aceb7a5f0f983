"""The operator's settings, all from its own environment; a missing value stops the start."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def _text(name: str, hint: str, default: str | None = None) -> str:
    value = os.environ.get(name, default)
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. Set it to {hint}.")
    return value


def _seconds(name: str, default: int) -> int:
    value = os.environ.get(name, str(default)).strip()
    if not (value.isascii() and value.isdigit()):
        raise ImproperlyConfigured(f"{name} is not a whole number of seconds, like {default}.")
    return int(value)


def _address(name: str) -> str:
    value = _text(name, "an http(s) address").rstrip("/")
    if not value.startswith(("http://", "https://")):
        raise ImproperlyConfigured(f"{name} is not an http(s) address.")
    return value


def _database(name: str) -> dict[str, Any]:
    hint = "postgresql://user:password@host:5432/name (a socket directory escaped as %2F…)"
    parts = urlsplit(_text(name, hint))
    database = parts.path.lstrip("/")
    if parts.scheme not in {"postgresql", "postgres"} or not database:
        raise ImproperlyConfigured(f"{name} is not a PostgreSQL address. Set it to {hint}.")
    # urlsplit lowercases `hostname`, which would break a socket directory.
    host = parts.netloc.rpartition("@")[2]
    if parts.port is not None:
        host = host.rpartition(":")[0]
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(database),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(host),
        "PORT": str(parts.port or ""),
    }


def _routes(name: str) -> dict[str, str]:
    pairs = [pair.strip() for pair in os.environ.get(name, "").split(",") if pair.strip()]
    routes = {}
    for pair in pairs:
        public, separator, private = pair.partition("=")
        if not separator or not public.startswith("https://") or not private.startswith("http"):
            raise ImproperlyConfigured(f"{name} is malformed. Set it like https://a=http://b:8000.")
        routes[public.rstrip("/")] = private.rstrip("/")
    return routes


# Secrets and hosts

SECRET_KEY = _text("SANDBOX_SECRET_KEY", "50 or more random characters")
API_TOKEN = _text("CARRIER_API_TOKEN", "the bearer token clients must present")
PUBLIC_URL = _address("SANDBOX_PUBLIC_URL")
DEBUG = False
ALLOWED_HOSTS = sorted({urlsplit(PUBLIC_URL).hostname or "", "127.0.0.1", "localhost"})
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
CSRF_COOKIE_NAME = "operator_csrf"

# Apps, middleware, templates

INSTALLED_APPS = [
    "payments.carriers.sandbox.apps.OperatorConfig",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "payments.carriers.sandbox.http.BrowserPolicy",
    "django.middleware.csrf.CsrfViewMiddleware",
]
ROOT_URLCONF = "payments.carriers.sandbox.urls"
WSGI_APPLICATION = "payments.carriers.sandbox.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Database

DATABASES = {
    "default": {
        **_database("SANDBOX_DATABASE_URL"),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 3,
            "options": "-c statement_timeout=10000 -c lock_timeout=5000"
            " -c idle_in_transaction_session_timeout=15000",
        },
    }
}

# Language, time, static files

LANGUAGE_CODE = "ko"
TIME_ZONE = "Asia/Seoul"
USE_TZ = True
USE_I18N = False
STATIC_URL = "/sandbox/static/"
WHITENOISE_USE_FINDERS = True
# A Korean font where the machine has none: the font package as it was published, kept once in the
# repository. Without it the pages fall back to the system's fonts.
_FONTS = Path(__file__).resolve().parents[3] / "static" / "fonts"
STATICFILES_DIRS = [("fonts", _FONTS)] if _FONTS.is_dir() else []

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # A refused request is an answer here, not an incident.
    "loggers": {
        "django.request": {"level": "CRITICAL"},
        # Its lines name the address, which holds the token of a texted link.
        "django.security.csrf": {"level": "CRITICAL"},
    },
}

# Ours

SINK_ROUTES = _routes("SANDBOX_SINK_ROUTES")
OUTAGE_SECONDS = _seconds("SANDBOX_OUTAGE_SECONDS", 2400)
CODE_SECONDS = _seconds("SANDBOX_CODE_SECONDS", 180)
TIMEOUT_SECONDS = _seconds("SANDBOX_TIMEOUT_SECONDS", 12)
# The Maildir in which the customer centre reads its mails; empty when mails cannot be written here.
INBOX = os.environ.get("SANDBOX_INBOX", "")
DESK_EMAIL = os.environ.get("DESK_EMAIL") or "help@phonebill.test"
CODE_TRIES = 5
MAXIMUM_WON = 1_000_000
