"""The agent of a chaos run: the same use case the admin calls, on the same database."""

import os
from typing import Any

from tests.stack import Stack


def open_for(stack: Stack) -> None:
    """Become a process of this portal."""
    import django

    os.environ.update(stack.environment)
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    django.setup()


def work_off() -> None:
    """Approve every request that waits; what fails waits for the next round."""
    from django.db import DatabaseError, InterfaceError, connection
    from django.utils import timezone

    from payments import refunds, states
    from support import tickets
    from support.models import Ticket

    try:
        waiting: list[Any] = list(Ticket.objects.filter(state="NEW").order_by("pk")[:50])
        for ticket in waiting:
            try:
                tickets.approve(
                    ticket_id=ticket.pk,
                    expected_remaining_won=refunds.remaining_won(ticket.payment),
                    reason="확인했어요.",
                    by="agent@demo.test",
                    now=timezone.now(),
                )
            except (refunds.UnableToRefund, states.IllegalMove):
                # Withdrawn by the shopper between the two lines above.
                continue
    except (DatabaseError, InterfaceError):
        connection.close()
