"""The pages as a WSGI application. `server.adapter` runs it in threads; any WSGI server can."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "answerback.settings")
application = get_wsgi_application()
