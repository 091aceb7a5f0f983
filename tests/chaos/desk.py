"""The agents of a chaos run: the same use case the admin calls, on the same database."""

import os
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.stack import Stack

# Of so many requests one is granted in part.
PART_EVERY = 5


def open_for(stack: Stack) -> None:
    """Become a process of this portal."""
    import django

    os.environ.update(stack.environment)
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    django.setup()


class Agents(threading.Thread):
    """Grant what is asked, one after another, until the day is over. `clock` is the portal's."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(daemon=True)
        self._clock = clock
        self._is_over = threading.Event()

    def run(self) -> None:
        """Look at the pile twice a second."""
        while not self._is_over.wait(0.5):
            self.work_off()

    def go_home(self) -> None:
        """End the day."""
        self._is_over.set()
        self.join()

    def waiting(self) -> int:
        """How many requests nobody has looked at."""
        from support.models import Ticket

        return Ticket.objects.filter(state="NEW").count()

    def work_off(self, limit: int = 50) -> None:
        """Approve the oldest requests that wait; what fails waits for the next round."""
        from django.db import DatabaseError, InterfaceError, connection

        from payments import refunds, states
        from support import tickets
        from support.models import Ticket

        try:
            waiting: list[Any] = list(
                Ticket.objects.filter(state="NEW").select_related("payment").order_by("pk")[:limit]
            )
            for ticket in waiting:
                left_won = refunds.remaining_won(ticket.payment)
                # Now and then a part, the same one however often it is tried.
                is_part = ticket.pk % PART_EVERY == 0 and left_won > 1
                try:
                    tickets.approve(
                        ticket_id=ticket.pk,
                        expected_remaining_won=left_won,
                        amount_won=left_won // 2 if is_part else left_won,
                        reason="확인했어요.",
                        by="agent@demo.test",
                        now=self._clock(),
                    )
                except (refunds.UnableToRefund, states.IllegalMove):
                    # Withdrawn by the shopper between the two lines above.
                    continue
        except (DatabaseError, InterfaceError):
            connection.close()
