"""Django's settings. Everything an admin may change comes through `env`; docs/settings.md lists it."""

from __future__ import annotations

import secrets
from pathlib import Path
from urllib.parse import unquote, urlsplit

from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _

from answerback.env import PREFIX, BadSettingError, Env
from mailroom.causes.own import BadRulesError, read_rules
from mailroom.spam_marks import USUAL_MARKS

env = Env()
PACKAGE_DIR = Path(__file__).resolve().parent
DATA_DIR = Path(env.text("DATA_DIR", "var/data")).resolve()


def _secret_key() -> str:
    """The configured key, else one kept in the data folder. Made on first need, readable by its owner only."""
    if key := env.text("SECRET_KEY"):
        return key
    path = DATA_DIR / "secret_key"
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise BadSettingError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(secrets.token_urlsafe(50), "ascii")
    except FileExistsError:
        pass  # another process was quicker: its key is the key
    except OSError as error:
        raise BadSettingError(
            f"The data folder {DATA_DIR} cannot be written ({error.strerror}). "
            f"Make it writable or choose another with {PREFIX}DATA_DIR."
        ) from None
    return path.read_text("ascii").strip()


def _database() -> dict[str, object]:
    url = env.text("DATABASE_URL", f"sqlite:///{DATA_DIR / 'answerback.sqlite3'}")
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "answerback.core.sqlite",
            "NAME": unquote(url.removeprefix("sqlite:///")),
            "OPTIONS": {
                # One writer at a time, decided at BEGIN: read-then-write transactions never meet "database is locked".
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-20000; "
                    "PRAGMA journal_size_limit=67108864; PRAGMA wal_autocheckpoint=4000; PRAGMA foreign_keys=ON"
                ),
            },
            "CONN_MAX_AGE": None,
            "TEST": {"NAME": str(DATA_DIR / "test.sqlite3")},
        }
    if parts.scheme in {"postgresql", "postgres"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")) or "answerback",
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(parts.hostname or ""),
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
        }
    raise BadSettingError(
        f"{PREFIX}DATABASE_URL={url!r} is not understood. "
        "Use sqlite:////var/lib/answerback/answerback.sqlite3 or postgresql://user:password@host/name."
    )


SECRET_KEY = _secret_key()
SECRET_KEY_FALLBACKS = env.text("OLD_SECRET_KEYS").split()  # sessions and sealed secrets of before still open
DEBUG = False
BASE_URL = env.text("BASE_URL", "http://127.0.0.1:8025").rstrip("/")
HTTP_LISTEN = env.listen("HTTP_LISTEN", "127.0.0.1:8025")
SMTP_LISTEN = env.listen("SMTP_LISTEN", "127.0.0.1:2525")
WEB_THREADS = env.integer("WEB_THREADS", 8, minimum=1)
MAX_REQUEST_SIZE = env.integer("MAX_REQUEST_SIZE", 60 * 2**20, minimum=2**20)  # uploads included
MAX_UPLOAD_SIZE = env.integer("MAX_UPLOAD_SIZE", 50 * 2**20, minimum=2**16)  # one file through the API
API_REQUESTS_PER_MINUTE = env.integer("API_REQUESTS_PER_MINUTE", 700, minimum=1)  # of one account, in each web process
ALLOWED_HOSTS = ["*"]  # the server in front decides; links are made from BASE_URL, never from the Host header
CSRF_TRUSTED_ORIGINS = [BASE_URL]
CSRF_FAILURE_VIEW = "answerback.workspace.errors.csrf_failure"

LEASE = env.seconds("LEASE", 900)
DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "lucide",
    "answerback.core",
    "answerback.store",
    "answerback.people",
    "answerback.tickets",
    "answerback.outbound",
    "answerback.rules",
    "answerback.search",
    "answerback.reports",
    "answerback.desk",
    "answerback.workspace",
    "answerback.api",
    "answerback.inbound",
    "answerback.sandbox",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "answerback.api.suffix.JsonSuffixMiddleware",
    "answerback.api.rate_limit.RateLimitMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "answerback.workspace.language.LanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "answerback.api.recording.AdminChangesMiddleware",
]

ROOT_URLCONF = "answerback.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "answerback.workspace.frame.frame",
            ],
        },
    }
]
WSGI_APPLICATION = "answerback.server.wsgi.application"

AUTH_USER_MODEL = "people.Account"
LOGIN_URL = "/sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BASE_URL.startswith("https:")
SESSION_COOKIE_NAME = "answerback_session"
X_FRAME_OPTIONS = "SAMEORIGIN"  # the conversation shows mail in sandboxed frames of our own
SECURE_REFERRER_POLICY = "same-origin"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-src": [SELF],
        "frame-ancestors": [SELF],
        "base-uri": [NONE],
        "manifest-src": [SELF],
    }
}

LANGUAGES = [("en", _("English")), ("de", _("German"))]
LANGUAGE_CODE = env.choice("LANGUAGE", "en", ("en", "de"))
LOCALE_PATHS = [PACKAGE_DIR / "locale"]
TIME_ZONE = env.text("TIME_ZONE", "Europe/Berlin")
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [PACKAGE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "answerback.workspace.node_files.NodeFilesFinder",
]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

UNDO_SECONDS = env.integer("UNDO_SECONDS", 5)  # how long "send" can be taken back; 0: not at all

DATA_UPLOAD_MAX_MEMORY_SIZE = env.integer("MAX_FORM_SIZE", 5 * 2**20)
FILE_UPLOAD_MAX_MEMORY_SIZE = 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# --- mail -------------------------------------------------------------------------------------------------------
MAIL_DOMAIN = env.text("MAIL_DOMAIN", "localhost.localdomain")
RETURN_PATH_DOMAIN = env.text("RETURN_PATH_DOMAIN", MAIL_DOMAIN)
RETURN_PATH = env.choice("RETURN_PATH", "signed", ("signed", "fixed"))
RELAY_URL = env.text("RELAY_URL")
RELAY_RATE = env.text("RELAY_RATE")  # outbound.pace.Rate
RESOLVER = env.text("RESOLVER")  # mailroom.smtp.names.name_server; empty: the system's
TLS_CA_FILE = env.text("TLS_CA_FILE")
MTA_STS_PORT = env.integer("MTA_STS_PORT", 443, minimum=1)  # of the hosts of other domains' policies
try:
    CAUSE_RULES = read_rules(env.text("CAUSE_RULES"))
except BadRulesError as error:
    raise BadSettingError(f"{PREFIX}CAUSE_RULES: {error}.") from None
AUTHSERV_ID = env.text("AUTHSERV_ID")
RETRY_SCHEDULE = env.seconds_list("RETRY_SCHEDULE", (300, 900, 1800, 3600, 7200, 14400))
EXPIRE_AFTER = env.seconds("EXPIRE_AFTER", 5 * 86400)
DELAY_WARNING_AFTER = env.seconds("DELAY_WARNING_AFTER", 4 * 3600)
SESSIONS_MAX = env.integer("SESSIONS_MAX", 40, minimum=1)
SESSIONS_PER_DESTINATION = env.integer("SESSIONS_PER_DESTINATION", 10, minimum=1)
MAX_MESSAGE_SIZE = env.integer("MAX_MESSAGE_SIZE", 35 * 2**20, minimum=65536)
MAX_ATTACHMENTS = env.integer("MAX_ATTACHMENTS", 200, minimum=1)
MAX_RECIPIENTS = env.integer("MAX_RECIPIENTS", 100, minimum=1)
# receiving: what a client may ask of the doorway. Addresses in RECEIVE_TRUSTED (our own MTA) are not counted.
RECEIVE_SESSIONS = env.integer("RECEIVE_SESSIONS", 200, minimum=1)
RECEIVE_SESSIONS_PER_PEER = env.integer("RECEIVE_SESSIONS_PER_PEER", 50, minimum=1)
RECEIVE_MESSAGES_PER_MINUTE = env.integer("RECEIVE_MESSAGES_PER_MINUTE", 600, minimum=1)  # of one client
RECEIVE_MEMORY = env.integer("RECEIVE_MEMORY", 128 * 2**20, minimum=2**20)  # bytes of messages under way, all together
RECEIVE_TIMEOUT = env.seconds("RECEIVE_TIMEOUT", 300)  # RFC 5321 §4.5.3.2.7
LMTP_LISTEN = env.text("LMTP_LISTEN")  # host:port, or the path of a socket; "" = none
IMAP_URLS = env.text("IMAP_URLS")  # mailroom.imap_url
RECEIVE_TRUSTED = env.text("RECEIVE_TRUSTED", "127.0.0.0/8,::1/128")
SMTP_TLS_CERT = env.text("SMTP_TLS_CERT")  # files in PEM; with both, STARTTLS is offered
SMTP_TLS_KEY = env.text("SMTP_TLS_KEY")
MAX_PARTS = env.integer("MAX_PARTS", 1000, minimum=1)
MAX_DEPTH = env.integer("MAX_DEPTH", 50, minimum=1)
MAX_HEADERS = env.integer("MAX_HEADERS", 2000, minimum=100)
MAX_HEADER_BYTES = env.integer("MAX_HEADER_BYTES", 2**19, minimum=8192)
MAX_CCS = env.integer("MAX_CCS", 48, minimum=0)  # that one mail may bring along
MAX_HOPS = env.integer("MAX_HOPS", 50, minimum=5)  # Received fields: more is a loop
# mail that waits apart: marked by the site's own spam filter, or forged as its sender's domain says
SPAM_MARKS = tuple(mark.strip() for mark in env.text("SPAM_MARKS", ", ".join(USUAL_MARKS)).split(",") if mark.strip())
SUSPEND_FORGED = env.flag("SUSPEND_FORGED")
UNPROCESSED_LIFETIME = env.seconds("UNPROCESSED_LIFETIME", 14 * 86400)
AUTHENTICATION_SECONDS = env.seconds("AUTHENTICATION_SECONDS", 8)  # for the DNS questions about one sender
AUTOMATIC_PER_HOUR = env.integer("AUTOMATIC_PER_HOUR", 4, minimum=1)
AUTOMATIC_PER_DAY = env.integer("AUTOMATIC_PER_DAY", 10, minimum=1)
FILE_LINK_LIFETIME = env.seconds("FILE_LINK_LIFETIME", 30 * 86400)
KEEP_FAILURE_TAG = env.flag("KEEP_FAILURE_TAG")  # as Zendesk does: it stays when the failure is put right
# proof of the way back: a mail to PROBE_ADDRESS, every so many seconds (0: never), must be reported within so many
PROBE_ADDRESS = env.text("PROBE_ADDRESS")
PROBE_EVERY = env.integer("PROBE_EVERY", 86400)
PROBE_PATIENCE = env.seconds("PROBE_PATIENCE", 3600)
REPLY_ADDRESS = env.choice("REPLY_ADDRESS", "plus", ("plus", "none"))
SMTP_TIMEOUTS = {  # seconds; RFC 5321 §4.5.3.2 gives the least
    "connect": env.seconds("TIMEOUT_CONNECT", 30),
    "banner": env.seconds("TIMEOUT_BANNER", 300),
    "ehlo": env.seconds("TIMEOUT_EHLO", 300),
    "mail": env.seconds("TIMEOUT_MAIL", 300),
    "rcpt": env.seconds("TIMEOUT_RCPT", 300),
    "data": env.seconds("TIMEOUT_DATA", 120),
    "block": env.seconds("TIMEOUT_BLOCK", 180),
    "dot": env.seconds("TIMEOUT_DOT", 600),
}
# webhooks: how long one attempt may take, and whether they may call private networks and this machine
WEBHOOK_TIMEOUT = env.seconds("WEBHOOK_TIMEOUT", 15)
WEBHOOK_PRIVATE = env.flag("WEBHOOK_PRIVATE")
# providers that tell by HTTP what became of our mail: what proves that they call (outbound.providers)
EVENT_SECRETS = {
    "brevo": env.text("EVENTS_BREVO"),
    "mailgun": env.text("EVENTS_MAILGUN"),
    "mailjet": env.text("EVENTS_MAILJET"),
    "postmark": env.text("EVENTS_POSTMARK"),
    "resend": env.text("EVENTS_RESEND"),
    "sendgrid": env.text("EVENTS_SENDGRID"),
    "ses": env.text("EVENTS_SES"),
    "sparkpost": env.text("EVENTS_SPARKPOST"),
}
# what an administrator changes in the workspace where nothing outside sets it (core.mail_settings)
MAIL_SETTINGS = (
    *("MAIL_DOMAIN", "RETURN_PATH_DOMAIN", "RETURN_PATH", "RELAY_URL", "REPLY_ADDRESS", "AUTHSERV_ID"),
    *("PROBE_ADDRESS", "IMAP_URLS"),
    *(f"EVENTS_{service.upper()}" for service in EVENT_SECRETS),
)
MAIL_SETTINGS_SET_OUTSIDE = frozenset(filter(env.is_set, MAIL_SETTINGS))
MAIL_SETTINGS_REPLACED: dict[str, str] = {}  # the defaults of those that hold from the workspace
ALLOW_OLD_SQLITE = env.flag("ALLOW_OLD_SQLITE")
TRUSTED_PROXIES = [part.strip() for part in env.text("TRUSTED_PROXIES").split(",") if part.strip()]
METRICS_TOKEN = env.text("METRICS_TOKEN")
LOG_FORMAT = env.choice("LOG_FORMAT", "text", ("text", "json"))

# --- the played internet: only `demo` and tests set these ---------------------------------------------------------
SANDBOX = env.flag("SANDBOX")
SANDBOX_DIR = Path(env.text("SANDBOX_DIR", str(DATA_DIR / "sandbox")))
SANDBOX_SMTP_LISTEN = env.listen("SANDBOX_SMTP_LISTEN", "127.0.0.1:2526")
SANDBOX_REACTION_AFTER = env.seconds("SANDBOX_REACTION_AFTER", 5)  # a bounce, an absence note
SANDBOX_DNS_LISTEN = env.listen("SANDBOX_DNS_LISTEN", "127.0.0.1:2553")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {
            "()": "answerback.core.logs.Lines",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        },
        "json": {"()": "answerback.core.logs.JsonLines"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {"mail.log": {"level": "WARNING"}, "asyncio": {"level": "WARNING"}},
}
