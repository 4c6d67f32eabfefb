"""django-post_office on SQLite, set up for speed: `post_office_queue.py PORT COUNT SIZE`.

From the first mail written to the last one noted as sent, by its own runner with five threads. Prints mails, seconds,
and seconds of processor time.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from django.conf import settings

PORT, COUNT, SIZE = map(int, sys.argv[1:4])
FOLDER = Path(tempfile.mkdtemp(dir="."))
PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
SQLITE = {"transaction_mode": "IMMEDIATE", "timeout": 30, "init_command": PRAGMAS}

settings.configure(
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(FOLDER / "queue.sqlite3"), "OPTIONS": SQLITE}
    },
    SECRET_KEY="x",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
    EMAIL_BACKEND="post_office.EmailBackend",
    EMAIL_HOST="127.0.0.1",
    EMAIL_PORT=PORT,
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    POST_OFFICE={
        "BATCH_SIZE": 500,
        "THREADS_PER_PROCESS": 5,
        "LOG_LEVEL": 2,
        "BATCH_DELIVERY_TIMEOUT": 300,
        "LOCKFILE_NAME": str(FOLDER / "lock"),
        "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
    },
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    LOGGING={"version": 1, "disable_existing_loggers": True, "root": {"level": "CRITICAL", "handlers": []}},
)

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from post_office import mail  # noqa: E402
from post_office.models import STATUS, Email  # noqa: E402

LINE = "<p>The quick brown fox jumps over the lazy dog, ticket body</p>\n"

call_command("migrate", verbosity=0)
began, before = time.perf_counter(), time.process_time()
for number in range(COUNT):
    mail.send(
        [f"u{number}@example.test"],
        "a@example.test",
        subject=f"Ticket {number}",
        message="The quick brown fox",
        html_message=LINE * (SIZE // len(LINE)),
    )
mail.send_queued_mail_until_done(processes=1, log_level=2)
spent = [COUNT, time.perf_counter() - began, time.process_time() - before]
sent = Email.objects.filter(status=STATUS.sent).count()
assert sent == COUNT, f"{sent} of {COUNT} were sent"
print(json.dumps(spent))
