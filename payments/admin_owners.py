"""Whose it is: the owner of what needs a person, on every page that shows such a row."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q

from payments.models import Alert


def newest_of(ref: str) -> Alert | None:
    """The alert about a row: the open one, else the last."""
    return Alert.objects.filter(ref=ref).order_by("-closed_at", "-pk").first()


def colleagues() -> list[Any]:
    """Whoever may see to such things."""
    may = Q(is_superuser=True) | Q(groups__permissions__codename="change_alert")
    people = get_user_model().objects.filter(may, is_staff=True, is_active=True)
    return list(people.distinct().order_by("email"))


def owner_of(ref: str) -> str:
    """The name they sign in with; empty when nobody has it."""
    alert = newest_of(ref)
    return alert.owner if alert else ""


def context(ref: str) -> dict[str, Any]:
    """What `admin/payments/owner.html` needs on the page of the row itself."""
    return {"alert": newest_of(ref), "colleagues": colleagues(), "to": "row"}
