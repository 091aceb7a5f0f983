"""The operator's WSGI application.

Run it with several threads, because lost answers keep one busy for a while:

    granian --interface wsgi --workers 1 --blocking-threads 16 \\
        payments.carriers.sandbox.wsgi:application
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

# The environment of the process that starts us may name the portal's settings.
os.environ["DJANGO_SETTINGS_MODULE"] = "payments.carriers.sandbox.settings"
_application = get_wsgi_application()

from payments.carriers.sandbox.events import start_delivery  # noqa: E402  (needs the apps)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a request; the first one in a process starts the delivery of events."""
    start_delivery()
    return _application(environ, start_response)
