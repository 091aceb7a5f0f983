"""Finding a payment without its receipt: proof that the asker holds the line, then what it paid.

The answer is the same for a number we know and for one we do not; only the holder of the phone, who
typed the code we texted, sees payments.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import connection, transaction

from payments import encryption, notifications
from payments.calendar import SEOUL
from payments.models import Payment, PhoneVerification
from payments.states import PaymentState

PROOF_LASTS = timedelta(minutes=30)
_WINDOW = timedelta(hours=1)
_CODES_PER_WINDOW = 5


class TooManyCodes(Exception):
    """This phone was sent as many codes as one hour allows."""


@dataclass(frozen=True)
class Match:
    """A payment of the line; `is_likely` when its item or seller is what the asker described."""

    payment: Payment
    is_likely: bool


@transaction.atomic
def start(*, phone: str, language: str, now: datetime) -> PhoneVerification:
    """Text a code to a canonical phone. Raises TooManyCodes after five within an hour."""
    phone_bidx = encryption.blind_index(phone, kind="phone")
    with connection.cursor() as cursor:
        # Ten requests at once must not all count the same four rows.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [phone_bidx])
    recent = PhoneVerification.objects.filter(phone_bidx=phone_bidx, created_at__gt=now - _WINDOW)
    if recent.count() >= _CODES_PER_WINDOW:
        raise TooManyCodes
    return notifications.start_verification(phone=phone, now=now, language=language)


def is_proven(verification: PhoneVerification, *, now: datetime) -> bool:
    """Whether the code was typed, and not longer ago than a proof lasts."""
    verified_at = verification.verified_at
    return verified_at is not None and now - verified_at <= PROOF_LASTS


def payments_on(verification: PhoneVerification, *, day: date, product_text: str) -> list[Match]:
    """Paid payments of the proven line on a Korean day, the likely ones first, then the newest."""
    start_of_day = datetime.combine(day, time.min, tzinfo=SEOUL)
    found = (
        Payment.objects.filter(
            phone_bidx=verification.phone_bidx,
            state=PaymentState.PAID,
            paid_at__gte=start_of_day,
            paid_at__lt=start_of_day + timedelta(days=1),
        )
        .select_related("merchant")
        .order_by("-paid_at", "-pk")
    )
    matches = [Match(payment, _is_likely(payment, product_text)) for payment in found]
    return sorted(matches, key=lambda match: not match.is_likely)


def payment_of_line(verification: PhoneVerification, *, reference: str) -> Payment | None:
    """A payment by its number, only if the proven line paid it."""
    return (
        Payment.objects.filter(
            phone_bidx=verification.phone_bidx,
            reference=reference,
            state=PaymentState.PAID,
        )
        .select_related("merchant")
        .first()
    )


def _is_likely(payment: Payment, product_text: str) -> bool:
    wanted = _squeezed(product_text)
    known = [_squeezed(payment.item_name), _squeezed(payment.merchant.name)]
    return bool(wanted) and any(wanted in name or name in wanted for name in known)


def _squeezed(text: str) -> str:
    return "".join(text.casefold().split())
