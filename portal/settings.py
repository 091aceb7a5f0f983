"""Settings, all of them, from the environment.

`manage.py up` fills the environment for the embedded servers; a deployment sets it itself.
A missing or malformed value stops the start and says which variable to set and how.
"""

from pathlib import Path

import django_stubs_ext
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from portal import environment as env

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

# Mode and secrets

SANDBOX = env.boolean("SANDBOX", default=False)
DEBUG = env.boolean("DEBUG", default=False)
SECRET_KEY = env.text("SECRET_KEY", hint="50 or more random characters", at_least=32)
# "id:base64 of 32 bytes", newest first; the first one encrypts, all of them decrypt.
FIELD_KEYS = env.keyring("FIELD_KEYS")
BLIND_INDEX_KEY = env.key("BLIND_INDEX_KEY")

# Hosts

PUBLIC_URL = env.url("PUBLIC_URL", hint="where shoppers reach the portal, https://pay.example.kr")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
IS_HTTPS = PUBLIC_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
DATA_DIR = env.path("DATA_DIR", default=BASE_DIR / "var")

# Apps, middleware, templates

INSTALLED_APPS = [
    "portal.apps.PortalConfig",
    "support",
    "payments",
    "portal.apps.DeskAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "django_htmx",
    "pgtrigger",
]
AUTH_USER_MODEL = "portal.User"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.middleware.BrowserPolicy",
    "portal.middleware.NoNul",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.middleware.AuditTrail",
    "portal.middleware.SecondFactorFirst",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context.site",
            ],
            "builtins": ["payments.templatetags.won"],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Database and cache

DATABASES = {
    "default": {
        **env.database("DATABASE_URL"),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }
}
DATABASES["default"].setdefault("OPTIONS", {}).update(
    connect_timeout=3,
    options="-c statement_timeout=10000 -c lock_timeout=5000"
    " -c idle_in_transaction_session_timeout=15000",
)
REDIS_URL = env.text("REDIS_URL", hint="redis://host:6379/0 or redis+socket:///path/valkey.sock")

# Celery: it carries "look at the rows", never the work itself (docs/decisions/0001).

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,
    # Without it a worker waits for ever for an answer that Valkey never sends, and takes no task
    # again (celery #2606): so it does when a child of its pool dies. A second is the longest that
    # Valkey is asked to wait.
    "socket_timeout": 2,
    # How late that answer may be on a connection that died unseen, in seconds.
    "health_check_interval": 5,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_TIME_LIMIT = 120
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 3.0
# Remote control listens on a Valkey channel, and reads that without any time limit: after a lost
# connection a worker waited there for ever (redis-py #714). Nobody here uses it.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "Asia/Seoul"

# Accounts

LOGIN_URL = "portal:login"
LOGIN_REDIRECT_URL = "portal:merchant-home"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

# Language and time

LANGUAGE_CODE = "ko"
LANGUAGES = [("ko", _("Korean")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Seoul"
USE_TZ = True
USE_I18N = True

# Static files

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "portal.static_files.CompressedStatic"
        if not DEBUG
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# Security

SECURE_CONTENT_TYPE_NOSNIFF = True
# Not `no-referrer`: under it browsers send the Origin `null` with every form, and we refuse it.
SECURE_REFERRER_POLICY = "same-origin"
# The proxy that ends TLS redirects; behind it every request is plain http.
SECURE_SSL_REDIRECT = False
SILENCED_SYSTEM_CHECKS = [
    "security.W008",  # See above.
    "security.W021",  # Joining the browsers' preload list is the operator's own decision.
]
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS
# How many proxies of ours stand in front and add to X-Forwarded-For; 0 believes nobody.
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", default=0)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_NAME = "__Host-sid" if IS_HTTPS else "sid"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrf"
SESSION_ENGINE = "portal.sessions"
SESSION_COOKIE_AGE = 8 * 60 * 60
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "media-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

# Logging: standard error only, personal data masked on the way out (portal/logs.py).

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"mask": {"()": "portal.logs.MaskPersonalData"}},
    "formatters": {"line": {"()": "portal.logs.LineFormatter"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["mask"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"httpx2": {"level": "WARNING"}, "httpcore2": {"level": "WARNING"}},
}

# What is ours: operators

CARRIER_API_URL = env.url("CARRIER_API_URL", hint="the operator's apiRoot")
CARRIER_API_TOKEN = env.text("CARRIER_API_TOKEN", hint="the operator's bearer token")
# Where operators send their events; the standard allows https only (Carrier Billing 0.5, sink).
# With its slash: an operator does not follow redirects.
CARRIER_SINK_URL = (
    env.url("CARRIER_SINK_URL", default=f"{PUBLIC_URL}/carrier/events").rstrip("/") + "/"
)
# What an operator can do about cancelling, where it differs from payments/carriers/registry.py.
CARRIER_CAPABILITIES = env.capabilities("CARRIER_CAPABILITIES")
SANDBOX_URL = env.url("SANDBOX_URL", default="") if not SANDBOX else env.url("SANDBOX_URL")
MESSAGE_GATEWAY_URL = env.url("MESSAGE_GATEWAY_URL", default=CARRIER_API_URL)
# Who sends: the message gateway, or a provider of its own, which then needs its settings.
SMS_SENDER = env.choice("SMS_SENDER", ("gateway", "solapi"), default="gateway")
MAIL_SENDER = env.choice("MAIL_SENDER", ("gateway", "smtp"), default="gateway")
_OF_SOLAPI = None if SMS_SENDER == "solapi" else ""
SOLAPI_URL = env.url("SOLAPI_URL", default="https://api.solapi.com")
SOLAPI_API_KEY = env.text(
    "SOLAPI_API_KEY", default=_OF_SOLAPI, hint="the API key of your SOLAPI account"
)
SOLAPI_API_SECRET = env.text(
    "SOLAPI_API_SECRET", default=_OF_SOLAPI, hint="the secret of your SOLAPI account"
)
SOLAPI_SENDER = env.digits(
    "SOLAPI_SENDER", default=_OF_SOLAPI, hint="the sender number registered there (발신번호)"
)
EMAIL_HOST = env.text(
    "SMTP_HOST", default=None if MAIL_SENDER == "smtp" else "", hint="the name of your mail server"
)
EMAIL_PORT = env.integer("SMTP_PORT", default=587)
EMAIL_HOST_USER = env.text("SMTP_USER", default="")
EMAIL_HOST_PASSWORD = env.text("SMTP_PASSWORD", default="")
_SMTP_SECURITY = env.choice("SMTP_SECURITY", ("starttls", "tls", "none"), default="starttls")
EMAIL_USE_TLS, EMAIL_USE_SSL = _SMTP_SECURITY == "starttls", _SMTP_SECURITY == "tls"
# Where the customer centre reads mails: nowhere, in a Maildir folder, or in an IMAP mailbox.
MAIL_INBOX = env.choice(
    "MAIL_INBOX", ("none", "folder", "imap"), default="folder" if SANDBOX else "none"
)
INBOX_DIR = env.path("INBOX_DIR", default=DATA_DIR / "inbox")
_OF_IMAP = None if MAIL_INBOX == "imap" else ""
IMAP_HOST = env.text("IMAP_HOST", default=_OF_IMAP, hint="the name of your IMAP server")
IMAP_PORT = env.integer("IMAP_PORT", default=993)
IMAP_USER = env.text("IMAP_USER", default=_OF_IMAP, hint="the mailbox's user")
IMAP_PASSWORD = env.text("IMAP_PASSWORD", default=_OF_IMAP, hint="the mailbox's password")
IMAP_FOLDER = env.text("IMAP_FOLDER", default="INBOX")
BANK_API_URL = env.url("BANK_API_URL", default=CARRIER_API_URL)
# Who checks payment PINs, where a risk rule asks for one.
SECOND_FACTOR_URL = env.url("SECOND_FACTOR_URL", default=CARRIER_API_URL)

# What is ours: money, in won

PAYMENT_MIN_WON = env.integer("PAYMENT_MIN_WON", default=1_000)
PAYMENT_MAX_WON = env.integer("PAYMENT_MAX_WON", default=30_000)
LINE_MONTH_MAX_WON = env.integer("LINE_MONTH_MAX_WON", default=1_000_000)
# Above this amount two people decide about money (domain §2), unless a term says otherwise.
DECIDED_ALONE_MAX_WON = env.integer("DECIDED_ALONE_MAX_WON", default=30_000)
# Up to this amount an unused payment can be cancelled without an agent.
SELF_CANCEL_MAX_WON = env.integer("SELF_CANCEL_MAX_WON", default=30_000)

# What is ours: clocks, in seconds

WINDOW_SECONDS = env.integer("WINDOW_SECONDS", default=600)
# How much one press of 시간 연장 adds, and how often it may be pressed (WCAG 2.2.1: at least 10).
WINDOW_EXTEND_SECONDS = env.integer("WINDOW_EXTEND_SECONDS", default=300)
WINDOW_EXTENSIONS = env.integer("WINDOW_EXTENSIONS", default=10)
CODE_SECONDS = env.integer("CODE_SECONDS", default=180)
CODE_ATTEMPTS = 5
PIN_ATTEMPTS = 5
CODE_RESEND_SECONDS = env.integer("CODE_RESEND_SECONDS", default=30)
CODE_RESENDS = 3
# How old a payment must be before operators take its cancel (domain §6: ten minutes is known).
CANCEL_MIN_AGE_SECONDS = env.integer("CANCEL_MIN_AGE_SECONDS", default=0 if SANDBOX else 600)
REFUND_DELAY_SECONDS = env.integer("REFUND_DELAY_SECONDS", default=5 if SANDBOX else 600)
RESOLVE_FIRST_SECONDS = env.integer("RESOLVE_FIRST_SECONDS", default=3 if SANDBOX else 5)
RESOLVE_MAX_SECONDS = env.integer("RESOLVE_MAX_SECONDS", default=15 if SANDBOX else 1200)
# How long a refund or a payout may be without an answer before a person is called.
UNKNOWN_ALERT_SECONDS = env.integer("UNKNOWN_ALERT_SECONDS", default=1800)
# How long lifting one's own block, or raising one's own limit, waits.
COOLING_OFF_SECONDS = env.integer("COOLING_OFF_SECONDS", default=60 if SANDBOX else 86_400)
SWEEP_SECONDS = env.integer("SWEEP_SECONDS", default=1 if SANDBOX else 2)
INBOX_SECONDS = env.integer("INBOX_SECONDS", default=2 if SANDBOX else 30)

# What is ours: files that customers and agents send each other

ATTACHMENT_MAX_BYTES = env.integer("ATTACHMENT_MAX_BYTES", default=10_000_000)
ATTACHMENTS_AT_ONCE = env.integer("ATTACHMENTS_AT_ONCE", default=5)
# Of one side about one case.
ATTACHMENTS_AN_HOUR = env.integer("ATTACHMENTS_AN_HOUR", default=10)
ATTACHMENTS_A_CASE = env.integer("ATTACHMENTS_A_CASE", default=30)
# Who looks for viruses: the dotted name of a function (support/scanning.py). Without one nobody
# does: kind, size and content are checked, and that is all.
ATTACHMENT_SCANNER = env.text("ATTACHMENT_SCANNER", default="")
FILE_UPLOAD_HANDLERS = ["support.uploads.Bounded"]

# What is ours: who we are, in the footer and in every message

SITE_NAME = env.text("SITE_NAME", default="Phonebill")
DESK_PHONE = env.text("DESK_PHONE", default="1600-0100")
DESK_EMAIL = env.text("DESK_EMAIL", default="help@phonebill.test")
DESK_FAX = env.text("DESK_FAX", default="")
# Who answers for the payers' protection (정보통신망법 §59): a role or a name.
PROTECTION_OFFICER = env.text("PROTECTION_OFFICER", default="고객센터 책임자")
# The default is a sentence in every language; hours of your own are shown as they are.
DESK_HOURS = env.text("DESK_HOURS", default="") or _("평일 9–18시")
# What deadlines are counted in, Korean time.
DESK_BUSINESS_HOURS = env.hours("DESK_BUSINESS_HOURS", default="09:00-18:00")
DEFAULT_FROM_EMAIL = DESK_EMAIL
