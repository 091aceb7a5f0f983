"""Telling people: words from templates/messages, rows first, sent by the worker.

A message exists at most once per `dedupe_key` and channel: the database decides. How it is brought
to people is `payments.deliveries`.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.utils import translation

from payments import calendar, subscriber, texts
from payments.carriers import registry
from payments.messengers import kinds
from payments.models import LineChange, Message, Payment, PhoneVerification, Refund
from payments.templatetags.won import moment, won

VERIFICATION_SECONDS = 180


@transaction.atomic
def notify(
    kind: str,
    *,
    dedupe_key: str,
    phone: str,
    email: str,
    context: dict[str, Any],
    payment: Payment | None = None,
    language: str = "ko",
    required: Callable[[], dict[str, str]] = dict,
    reply_to: str = "",
    now: datetime,
) -> None:
    """Queue one text, and a mail as well when an address and a template for it exist.

    With an address but no template the mail is kept for a text that cannot be delivered. Safe to
    call again with the same key. `phone` or `email` may be empty. `required` names what must stand
    in both, in the notice's language; without it texts.ItemsMissing, and nothing queued. `reply_to`
    is the mail address an answer shall go to; empty for the usual one.
    """
    words = {**context, "desk_phone": settings.DESK_PHONE, "site_name": settings.SITE_NAME}
    with translation.override(language):
        items = required()
        mail = _mail(kind, words) if email else None
        if phone:
            text = render_to_string(f"messages/{kind}.sms.txt", words).strip()
            texts.require_items(text, items)
            _queue(
                Message(kind=kind, channel=Message.Channel.SMS, payment=payment, language=language),
                key=f"{dedupe_key}:sms",
                to=phone,
                text=text,
                fallback="" if mail else email,
                now=now,
            )
        if mail:
            texts.require_items(mail[1], items)
            _queue(
                Message(
                    kind=kind,
                    channel=Message.Channel.EMAIL,
                    payment=payment,
                    language=language,
                    subject=mail[0],
                    reply_to=reply_to,
                ),
                key=f"{dedupe_key}:email",
                to=email,
                text=mail[1],
                now=now,
            )


def paid(payment: Payment, *, now: datetime) -> None:
    """The receipt: the four items of 정보통신망법 §58① and until when it can be cancelled."""
    verdict = calendar.refund_route(
        payment,
        payment.paid_at or now,
        registry.capabilities(payment.carrier),
        payment.merchant.policy,
    )
    notify(
        "paid",
        dedupe_key=f"paid:{payment.pk}",
        phone=payment.phone,
        email=payment.email,
        context={
            "payment": payment,
            "merchant": payment.merchant,
            "cancel_until": verdict.deadline,
        },
        payment=payment,
        language=payment.language,
        required=lambda: four_items(payment, payment.amount_won),
        now=now,
    )


def four_items(payment: Payment, amount_won: int) -> dict[str, str]:
    """When, from whom, what for how much, and where to object, in the current language."""
    return {
        "date and time": moment(payment.paid_at),
        "seller": payment.merchant.name,
        "seller's contact": payment.merchant.phone,
        "amount": won(amount_won),
        "item": payment.item_name,
        "where to object": settings.DESK_PHONE,
    }


def reversed_payment(payment: Payment, *, now: datetime) -> None:
    """To a shopper who was told to wait: it did not work, nothing was charged."""
    notify(
        "reversed",
        dedupe_key=f"reversed:{payment.pk}",
        phone=payment.phone,
        email=payment.email,
        context={"payment": payment, "merchant": payment.merchant},
        payment=payment,
        language=payment.language,
        now=now,
    )


def refunded(refund: Refund, *, now: datetime) -> None:
    """The money is back: how much, by which route, off which bill or to which account."""
    payment = refund.payment
    notify(
        "refunded",
        dedupe_key=f"refunded:{refund.pk}",
        phone=payment.phone,
        email=payment.email,
        context={"refund": refund, "payment": payment, "merchant": payment.merchant},
        payment=payment,
        language=payment.language,
        now=now,
    )


def line_changed(change: LineChange, *, now: datetime) -> None:
    """To the line itself: what was decided about it, and from when on it holds."""
    notify(
        "line_changed",
        dedupe_key=f"line_changed:{change.pk}",
        phone=change.rules.phone,
        email="",
        context={"change": change},
        language=change.language,
        now=now,
    )


@transaction.atomic
def start_verification(
    *, phone: str, now: datetime, language: str = "ko", is_withheld: bool = False
) -> PhoneVerification:
    """Text our own code to a phone; the row knows only its keyed hash.

    With `is_withheld` everything is written as always but the text never leaves: who asks too often
    must not see that we stopped.
    """
    row, code = PhoneVerification.start(phone, at=now, seconds=VERIFICATION_SECONDS)
    key = f"verification:{row.pk}"
    notify(
        "verification",
        dedupe_key=key,
        phone=phone,
        email="",
        context={"code": code},
        language=language,
        now=now,
    )
    done_at = now if is_withheld else None
    Message.objects.filter(dedupe_key=f"{key}:sms").update(done_at=done_at)
    return row


def _mail(kind: str, words: dict[str, Any]) -> tuple[str, str] | None:
    try:
        subject = render_to_string(f"messages/{kind}.email.subject.txt", words)
        text = render_to_string(f"messages/{kind}.email.txt", words)
    except TemplateDoesNotExist:
        return None
    return " ".join(subject.split()), text.strip()


def _queue(
    message: Message, *, key: str, to: str, text: str, fallback: str = "", now: datetime
) -> None:
    message.dedupe_key = key
    message.to = to
    is_mail = message.channel == Message.Channel.EMAIL
    message.to_masked = subscriber.mask_email(to) if is_mail else subscriber.mask_phone(to)
    message.text = text
    message.fallback = fallback
    message.created_at = message.due_at = now
    message.deadline_at = now + kinds.of(message.kind).lifetime
    Message.objects.bulk_create([message], ignore_conflicts=True)
