"""Misbehaviour on order: which operation, how, how often, for which line."""

from collections.abc import Callable
from typing import Final

from django.db import transaction
from django.db.models import F

from payments.carriers.sandbox.lines import national
from payments.carriers.sandbox.models import Fault

REFUSALS: Final = {
    "error_500": (500, "INTERNAL", "Unknown server error."),
    "error_502": (502, "BAD_GATEWAY", "An upstream service is not answering."),
    "error_503": (503, "UNAVAILABLE", "Service unavailable."),
    "error_429": (429, "TOO_MANY_REQUESTS", "Rate limit reached."),
    "not_found": (404, "NOT_FOUND", "The specified resource is not found."),
}
MODES: Final = (
    *REFUSALS,
    # not done and never answered; done and never answered; done after the answer was given up
    "timeout_before",
    "timeout_after",
    "late",
    # done, but the answer says otherwise or nothing
    "error_after",
    "garbage",
    "empty",
    "slow",
    # confirm, prepare and refund: refused by business, with `reason`
    "deny",
    # operation "event" only
    "drop",
    "duplicate",
)


def take(operation: str, phone: Callable[[], str]) -> Fault | None:
    """Use up one turn of the oldest order that fits, if there is any."""
    orders = Fault.objects.filter(operation=operation, times__gt=0).order_by("pk")
    if not orders.exists():
        return None
    number = national(phone())
    with transaction.atomic():
        fault = orders.filter(phone__in=["", number]).select_for_update().first()
        if fault is None:
            return None
        Fault.objects.filter(pk=fault.pk).update(times=F("times") - 1)
        return fault
