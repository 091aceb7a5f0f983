"""Functions that bring a ticket into a state through the real use cases."""

from datetime import datetime

from payments.calendar import SEOUL
from payments.models import Payment
from support import tickets
from support.models import Ticket

PHONE = "+821090000000"
NOW = datetime(2026, 11, 23, 14, 12, tzinfo=SEOUL)


def open_ticket(payment: Payment, **wanted: str) -> Ticket:
    request = tickets.Request(reason="CHANGE_OF_MIND", text="잘못 눌렀어요.", **wanted)  # type: ignore[arg-type]
    return tickets.open_ticket(payment=payment, request=request, language="ko", now=NOW)


def approve(ticket: Ticket, **changes: object) -> Ticket:
    arguments = {
        "ticket_id": ticket.pk,
        "expected_remaining_won": 2_200,
        "reason": "아직 사용하지 않은 상품이에요.",
        "by": "staff:1",
        "now": NOW,
    }
    return tickets.approve(**(arguments | changes))  # type: ignore[arg-type]


def reject(ticket: Ticket, *, reason: str = "이미 들으셨어요.") -> Ticket:
    return tickets.reject(ticket_id=ticket.pk, reason=reason, by="staff:1", now=NOW)
