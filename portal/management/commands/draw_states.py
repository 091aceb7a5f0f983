"""Draw the tables of states anew: `manage.py draw_states`, after a table has changed."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from payments import pictures, states
from support.states import TICKET_MOVES, TicketState

PAGE = Path(settings.BASE_DIR) / "docs" / "states.md"
_DRAWN = {
    "Payment": (states.PAYMENT_MOVES, states.PaymentState),
    "Refund": (states.REFUND_MOVES, states.RefundState),
    "Payout": (states.PAYOUT_MOVES, states.PayoutState),
    "Ticket": (TICKET_MOVES, TicketState),
}
_INTRODUCTION = """\
# States

Drawn from the tables in `payments/states.py` and `support/states.py` by `manage.py draw_states`; a
test compares. An arrow is a move that `move_to()` allows, its words are the event it announces
(`portal/events.py` says what follows). Do not edit by hand.
"""


def page() -> str:
    """All pictures on one page."""
    parts = [
        f"\n## {name}\n\n```mermaid\n{pictures.mermaid(moves, every)}```\n"
        for name, (moves, every) in _DRAWN.items()
    ]
    return _INTRODUCTION + "".join(parts)


class Command(BaseCommand):
    """Write `docs/states.md`."""

    help = "draw the tables of states in docs/states.md"
    requires_system_checks: list[str] = []

    def handle(self, **_: Any) -> None:
        """Write the page."""
        PAGE.write_text(page())
        self.stdout.write(f"{PAGE}")
