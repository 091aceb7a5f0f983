"""Finding rows by what callers say: a number, a phone, a day, a shop, a product."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.dateparse import parse_date

from payments import encryption, subscriber
from payments.calendar import SEOUL
from payments.subscriber import UnreadablePhone

_FIRST_YEAR, _LAST_YEAR = 2000, 2999


def wanted(term: str, *, payment: str = "", phone: str = "", at: str) -> Q:
    """The rows somebody means by `term`, which is not empty.

    The rows have a phone as payments and tickets do, or `phone` leads to what has; `payment` leads
    from them to the payment (`payment__`), `at` names their column of time.
    """
    return (
        of_day(term, at=at)
        or of_line(term, phone=phone)
        or (
            Q(**{f"{payment}reference": term.upper()})
            | Q(**{f"{payment}order_no": term})
            | of_words(term, payment=payment)
        )
    )


def of_day(term: str, *, at: str) -> Q | None:
    """The rows of the Korean day somebody typed; None for other terms."""
    if (first := _day(term)) is None:
        return None
    return Q(**{f"{at}__gte": first, f"{at}__lt": first + timedelta(days=1)})


def of_line(term: str, *, phone: str = "") -> Q | None:
    """The rows of a phone number, or of one masked on a screen; None for other terms."""
    head, _stars, last4 = term.rpartition("*-")
    if head.startswith("010-*") and last4.isascii() and last4.isdigit():
        return Q(**{f"{phone}phone_last4": last4})
    try:
        number = subscriber.parse_phone(term)
    except UnreadablePhone:
        return None
    return Q(**{f"{phone}phone_bidx": encryption.blind_index(number, kind="phone")})


def of_words(term: str, *, payment: str = "") -> Q:
    """The rows with these words in the name of the seller or the product; no index helps."""
    return Q(**{f"{payment}merchant__name__icontains": term}) | Q(
        **{f"{payment}item_name__icontains": term}
    )


def _day(term: str) -> datetime | None:
    """The first moment of the Korean day somebody typed: `2026-11-23`, `2026. 11. 23.`"""
    try:
        found = parse_date("-".join(term.replace(".", " ").replace("/", " ").split()))
    except ValueError:
        return None
    if found is None or not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        return None
    return datetime(found.year, found.month, found.day, tzinfo=SEOUL)
