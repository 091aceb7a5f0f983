"""The front page of the desk: what waits for whom."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from payments.models import Alert
from support import today


def facts(request: HttpRequest) -> dict[str, Any]:
    """What the page says above its lists, as far as the person may know it."""
    found: dict[str, Any] = {"alerts": Alert.objects.filter(closed_at__isnull=True).count()}
    if request.user.has_perm("support.view_ticket"):
        found |= today.front(user_id=request.user.pk or 0, now=timezone.now())
    return found
