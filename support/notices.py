"""The words a ticket sends: which template, filled with what, to whom, at most once.

The desk shows the same words before the button is pressed, so both come from `context_of`.
"""

from datetime import datetime
from functools import partial

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from payments import notifications
from payments.calendar import Route
from payments.templatetags.won import until
from support import papers, threads
from support.models import Ticket, TicketMessage
from support.routes import because

RECEIVED = "ticket_received"
APPROVED = "ticket_approved"
REJECTED = "ticket_rejected"
RESOLVED = "ticket_resolved"
ANSWERED = "ticket_answered"
ACCOUNT_NEEDED = "ticket_account_needed"
QUESTION = "ticket_question"
DUPLICATE = "ticket_duplicate"
REOPENED = "ticket_reopened"
REFERRED = "ticket_referred"
REPLY = "ticket_reply"
# What a request of each reason is judged by, so what a refusal rests on (domain §6, §7.2).
LEGAL_BASIS: dict[str, Promise] = {
    Ticket.Reason.CHANGE_OF_MIND: _("전자상거래법 제17조 제1항과 제2항"),
    Ticket.Reason.MISDESCRIBED: _("전자상거래법 제17조 제3항"),
    Ticket.Reason.NOT_DELIVERED: _("전자상거래법 제15조 제2항"),
    Ticket.Reason.UNAUTHORIZED: _("정보통신망법 제58조 제3항"),
    Ticket.Reason.MINOR: _("전자상거래법 제13조 제3항"),
    Ticket.Reason.DUPLICATE: _("정보통신망법 제58조 제3항"),
    Ticket.Reason.OTHER: _("전자상거래법 제17조"),
}
# What is not about money is judged by its kind.
_BASIS_OF_KIND: dict[str, Promise] = {
    Ticket.Kind.BUYER_INFORMATION: _("정보통신망법 제58조의2"),
    Ticket.Kind.PURCHASE_HISTORY: _("정보통신망법 제58조 제2항"),
    Ticket.Kind.OTHER: _("정보통신망법 제59조"),
}
_MATTERS: dict[str, Promise] = {
    Ticket.Kind.CANCELLATION: _("취소 요청"),
    Ticket.Kind.OBJECTION: _("이의신청"),
    Ticket.Kind.BUYER_INFORMATION: _("구매자정보 요청"),
    Ticket.Kind.PURCHASE_HISTORY: _("구매내역 요청"),
    Ticket.Kind.OTHER: _("상담 요청"),
}
# An objection is answered in two weeks (정보통신망법 §59, 시행령 §66의9).
_ANSWER_WITHIN = _("2주")


def send(kind: str, ticket: Ticket, *, now: datetime, dedupe: str = "", **words: object) -> None:
    """Queue the text, and the mail when an address is known; the same notice twice is one.

    Who wants mail gets no text, and the other way round.
    """
    with translation.override(ticket.language):
        notifications.notify(
            kind,
            dedupe_key=f"{kind}:{ticket.pk}{dedupe}",
            phone="" if ticket.contact == Ticket.Contact.EMAIL else ticket.phone,
            email=ticket.email,
            context=context_of(ticket) | words,
            payment=ticket.payment,
            language=ticket.language,
            required=partial(_items_of_refusal, ticket) if kind == REJECTED else dict,
            reply_to=threads.address_of(ticket),
            now=now,
        )


def send_reply(ticket: Ticket, *, text: str, now: datetime, dedupe: str, files: int = 0) -> None:
    """Queue an agent's words on one channel: by mail to who gave an address, else by text.

    Of `files` only how many there are; they are fetched from the tracking page.
    """
    notifications.notify(
        REPLY,
        dedupe_key=f"{REPLY}:{ticket.pk}{dedupe}",
        phone="" if ticket.email_sealed else ticket.phone,
        email=ticket.email,
        context=context_of(ticket) | {"reply": text, "files": files},
        payment=ticket.payment,
        language=ticket.language,
        reply_to=threads.address_of(ticket),
        now=now,
    )


def preview_reply(ticket: Ticket, *, text: str, files: int = 0) -> str:
    """The mail or text as it would read."""
    channel = "email" if ticket.email_sealed else "sms"
    with translation.override(ticket.language):
        words = context_of(ticket) | {"reply": text, "files": files}
        return render_to_string(f"messages/{REPLY}.{channel}.txt", words).strip()


def send_to_merchant(ticket: Ticket, *, question: str, now: datetime, dedupe: str) -> None:
    """Queue a mail to the seller of the ticket's payment: the order and the question, no person."""
    payment = ticket.payment
    if payment is None:
        return
    # Who bought is told on the seller's page and nowhere else: no answer of a mail may carry it.
    is_by_page = ticket.kind == Ticket.Kind.BUYER_INFORMATION
    thread = "" if is_by_page else threads.address_of(ticket, TicketMessage.Party.MERCHANT)
    notifications.notify(
        REFERRED,
        dedupe_key=f"{REFERRED}:{ticket.pk}{dedupe}",
        phone="",
        email=payment.merchant.email,
        context=_merchant_context(ticket, question),
        payment=payment,
        reply_to=thread,
        now=now,
    )


def round_of(ticket: Ticket) -> str:
    """Tells the notices of a reopened case from those before, so that each round sends its own."""
    at = ticket.reopened_at
    return f":{int(at.timestamp())}" if at else ""


def preview(kind: str, ticket: Ticket, **words: object) -> str:
    """The text message as it would read, in the shopper's language; `words` fill its template.

    To who wants mail, the mail.
    """
    channel = "email" if ticket.contact == Ticket.Contact.EMAIL else "sms"
    with translation.override(ticket.language):
        filled = context_of(ticket) | words
        return render_to_string(f"messages/{kind}.{channel}.txt", filled).strip()


def reader(ticket: Ticket) -> str:
    """Whose words `preview` shows, for the heading above them."""
    if ticket.contact == Ticket.Contact.EMAIL:
        return gettext("고객이 받을 메일")
    return gettext("고객이 받을 문자")


def preview_to_merchant(ticket: Ticket, *, question: str) -> str:
    """The mail to the seller as it would read."""
    with translation.override("ko"):
        context = _merchant_context(ticket, question)
        return render_to_string(f"messages/{REFERRED}.email.txt", context).strip()


def _items_of_refusal(ticket: Ticket) -> dict[str, str]:
    """What a refusal must say: domain §13."""
    return {
        "reason": ticket.decision_reason,
        "legal basis": str(_basis(ticket)),
        "how to object": settings.DESK_PHONE,
        "deadline": str(_ANSWER_WITHIN),
    }


def _matter(ticket: Ticket) -> Promise:
    """What the request is called in a sentence."""
    return _MATTERS[ticket.kind]


def _basis(ticket: Ticket) -> Promise:
    """What a refusal rests on."""
    return _BASIS_OF_KIND.get(ticket.kind, LEGAL_BASIS[ticket.reason])


def _merchant_context(ticket: Ticket, question: str) -> dict[str, object]:
    return {
        "ticket": ticket,
        "payment": ticket.payment,
        "question": question,
        "is_buyer": ticket.kind == Ticket.Kind.BUYER_INFORMATION,
        "due": until(ticket.due_at),
        "matter": _matter(ticket),
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
        "matter": _matter(ticket),
        "seller": payment.merchant.name if payment else "",
        "item": payment.item_name if payment else ticket.product_text,
        "amount_won": refund.amount_won if refund else payment.amount_won if payment else None,
        "paid_won": payment.amount_won if payment else None,
        "billing_month": payment.billing_month if payment else "",
        "decision_reason": ticket.decision_reason,
        "legal_basis": _basis(ticket),
        "is_about_money": ticket.is_about_money,
        "has_papers": papers.until(ticket) is not None,
        "answer_within": _ANSWER_WITHIN,
        "is_bank": refund is not None and refund.route == Route.BANK,
        "because": because(refund.route_reason) if refund else "",
        "expected_on": refund.expected_on if refund else None,
        "refund": refund,
        "track_url": track_url(ticket),
        "site_name": settings.SITE_NAME,
        "desk_phone": settings.DESK_PHONE,
        "desk_hours": settings.DESK_HOURS,
    }
