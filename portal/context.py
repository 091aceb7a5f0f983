"""What every page knows about the site."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_noop

# What the settings and a new shop come with; an operator's own words are shown as they are.
DEFAULT_WORDS = (
    gettext_noop("평일 10–18시"),
    gettext_noop("고객센터 책임자"),
)


def site(request: HttpRequest) -> dict[str, object]:
    """Name, customer centre and mode, as `site` in every template."""
    return {
        "site": {
            "name": settings.SITE_NAME,
            "desk_phone": settings.DESK_PHONE,
            "desk_email": settings.DESK_EMAIL,
            "desk_hours": settings.DESK_HOURS,
            "sandbox": settings.SANDBOX,
            "sandbox_url": settings.SANDBOX_URL,
        }
    }
