"""The web server's way in."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = get_wsgi_application()

# With every page at hand a server that loads us once and forks answers at once.
import portal.urls  # noqa: E402, F401  (needs the apps)
