"""A visit to one's own payments: number, birthdate, a texted code, and a door that closes itself.

Nothing before the right code depends on whether we know the number: the same rows are written and
the same text is made for every one. Who asks too often gets the same page and no text. After the
code, a birthdate that fits no payment simply finds none.
"""

import secrets
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import QuerySet

from payments import encryption, notifications
from payments.lines import Holder
from payments.models import Payment, PhoneVerification
from payments.models.payments import holder_index
from payments.models.verifications import ATTEMPTS, address_index
from payments.states import PaymentState

VISIT_LASTS = timedelta(minutes=30)
_WINDOW = timedelta(hours=1)
_CODES_PER_PHONE = 5
# Many people share one address of a mobile operator.
_CODES_PER_ADDRESS = 60
# What never got as far as money is nobody's history.
_NOTHING_HAPPENED = (PaymentState.CREATED, PaymentState.EXPIRED, PaymentState.CANCELED)


def knock(*, phone: str, birthdate: date, address: str, language: str, now: datetime) -> str:
    """Text a code; returns the secret the browser shows when it comes back with it.

    After five codes to a phone, or sixty to a network address, within an hour the text stays here.
    """
    holder_bidx = holder_index(phone, birthdate)
    return _text_code(phone, holder_bidx, address=address, language=language, now=now)


def knock_again(waiting: PhoneVerification, *, address: str, language: str, now: datetime) -> str:
    """A new code for the same number and birthdate; returns the secret that replaces the old."""
    return _text_code(
        waiting.phone, waiting.holder_bidx, address=address, language=language, now=now
    )


@transaction.atomic
def enter(waiting: PhoneVerification, *, code: str, now: datetime) -> str | None:
    """Let them in when the code is right: the secret of the open visit, else None.

    The secret changes on the way in, so that nobody can have planted it.
    """
    if not waiting.check_code(code, at=now):
        return None
    secret = secrets.token_urlsafe(32)
    PhoneVerification.objects.filter(pk=waiting.pk).update(session_hash=_hash(secret))
    return secret


def leave(visit: PhoneVerification, *, now: datetime) -> None:
    """Close the door behind them."""
    PhoneVerification.objects.filter(pk=visit.pk, ended_at__isnull=True).update(ended_at=now)


def open_visit(secret: str, *, now: datetime) -> PhoneVerification | None:
    """The visit this browser is on; None when it has none, left, or its time is up."""
    visit = _of(secret)
    if visit is None or visit.verified_at is None or now - visit.verified_at > VISIT_LASTS:
        return None
    return visit


def waiting_for_code(secret: str, *, now: datetime) -> PhoneVerification | None:
    """Who knocked from this browser and has not shown a code yet."""
    visit = _of(secret)
    if visit is None or visit.verified_at is not None or now - visit.created_at > VISIT_LASTS:
        return None
    return visit


def is_code_dead(waiting: PhoneVerification, *, now: datetime) -> bool:
    """Whether only a new code can open the door."""
    return waiting.attempts >= ATTEMPTS or waiting.expires_at <= now


def holder_of(visit: PhoneVerification) -> Holder:
    """Who the visitor is to the money."""
    return Holder(phone=visit.phone, phone_bidx=visit.phone_bidx, holder_bidx=visit.holder_bidx)


def payments_of(visit: PhoneVerification) -> QuerySet[Payment]:
    """Every payment of this number and birthdate, over all shops; in no order yet."""
    return (
        Payment.objects.filter(holder_bidx=visit.holder_bidx)
        .exclude(state__in=_NOTHING_HAPPENED)
        .select_related("merchant")
        .prefetch_related("refunds")
    )


@transaction.atomic
def _text_code(phone: str, holder_bidx: str, *, address: str, language: str, now: datetime) -> str:
    secret = secrets.token_urlsafe(32)
    phone_bidx = encryption.blind_index(phone, kind="phone")
    with connection.cursor() as cursor:
        # Ten requests at once must not all count the same four rows.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [phone_bidx])
    recent = PhoneVerification.objects.filter(created_at__gt=now - _WINDOW)
    to_phone = recent.filter(phone_bidx=phone_bidx).count()
    from_address = recent.filter(address_bidx=address_index(address)).count()
    verification = notifications.start_verification(
        phone=phone,
        language=language,
        now=now,
        is_withheld=to_phone >= _CODES_PER_PHONE or from_address >= _CODES_PER_ADDRESS,
    )
    verification.begin_visit(holder_bidx=holder_bidx, address=address, session_hash=_hash(secret))
    return secret


def _of(secret: str) -> PhoneVerification | None:
    if not secret:
        return None
    return PhoneVerification.objects.filter(
        session_hash=_hash(secret), ended_at__isnull=True
    ).first()


def _hash(secret: str) -> str:
    return encryption.token_hash(secret)
