"""The words a ticket sends: which template, filled with what, to whom, at most once.

The desk shows the same words before the button is pressed, so both come from `context_of`.
"""

from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from payments import notifications
from payments.calendar import Route
from support.models import Ticket

RECEIVED = "ticket_received"
APPROVED = "ticket_approved"
REJECTED = "ticket_rejected"
RESOLVED = "ticket_resolved"
ACCOUNT_NEEDED = "ticket_account_needed"
QUESTION = "ticket_question"
DUPLICATE = "ticket_duplicate"
REOPENED = "ticket_reopened"
REFERRED = "ticket_referred"


def send(kind: str, ticket: Ticket, *, now: datetime, dedupe: str = "", **words: object) -> None:
    """Queue the text, and the mail when an address is known; the same notice twice is one."""
    with translation.override(ticket.language):
        notifications.notify(
            kind,
            dedupe_key=f"{kind}:{ticket.pk}{dedupe}",
            phone=ticket.phone,
            email=ticket.email,
            context=context_of(ticket) | words,
            payment=ticket.payment,
            language=ticket.language,
            now=now,
        )


def send_to_merchant(ticket: Ticket, *, question: str, now: datetime, dedupe: str) -> None:
    """Queue a mail to the seller of the ticket's payment: the order and the question, no person."""
    payment = ticket.payment
    if payment is None:
        return
    notifications.notify(
        REFERRED,
        dedupe_key=f"{REFERRED}:{ticket.pk}{dedupe}",
        phone="",
        email=payment.merchant.email,
        context=_merchant_context(ticket, question),
        payment=payment,
        now=now,
    )


def round_of(ticket: Ticket) -> str:
    """Tells the notices of a reopened case from those before, so that each round sends its own."""
    at = ticket.reopened_at
    return f":{int(at.timestamp())}" if at else ""


def preview(kind: str, ticket: Ticket, **words: object) -> str:
    """The text message as it would read, in the shopper's language; `words` fill its template."""
    with translation.override(ticket.language):
        return render_to_string(f"messages/{kind}.sms.txt", context_of(ticket) | words).strip()


def preview_to_merchant(ticket: Ticket, *, question: str) -> str:
    """The mail to the seller as it would read."""
    with translation.override("ko"):
        context = _merchant_context(ticket, question)
        return render_to_string(f"messages/{REFERRED}.email.txt", context).strip()


def _merchant_context(ticket: Ticket, question: str) -> dict[str, object]:
    return {
        "ticket": ticket,
        "payment": ticket.payment,
        "question": question,
        "site_name": settings.SITE_NAME,
        "desk_phone": settings.DESK_PHONE,
        "desk_email": settings.DESK_EMAIL,
        "desk_hours": settings.DESK_HOURS,
    }


def track_url(ticket: Ticket) -> str:
    """Where the shopper follows the request; the only link our texts carry."""
    return f"{settings.PUBLIC_URL}{reverse('support:track', args=[ticket.token])}"


def context_of(ticket: Ticket) -> dict[str, object]:
    """Everything the templates name, the last four digits being all there is of the phone."""
    payment, refund = ticket.payment, ticket.refund
    return {
        "ticket": ticket,
        "seller": payment.merchant.name if payment else "",
        "item": payment.item_name if payment else ticket.product_text,
        "amount_won": refund.amount_won if refund else payment.amount_won if payment else None,
        "billing_month": payment.billing_month if payment else "",
        "decision_reason": ticket.decision_reason,
        "is_bank": refund is not None and refund.route == Route.BANK,
        "expected_on": refund.expected_on if refund else None,
        "refund": refund,
        "track_url": track_url(ticket),
        "site_name": settings.SITE_NAME,
        "desk_phone": settings.DESK_PHONE,
        "desk_hours": settings.DESK_HOURS,
    }
