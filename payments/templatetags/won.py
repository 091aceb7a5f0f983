"""Amounts and moments as people read them."""

from datetime import date, datetime, timedelta

from django import template
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from payments.calendar import SEOUL

register = template.Library()
_MONTHS_EN = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def _is_english() -> bool:
    return (get_language() or "ko").startswith("en")


@register.filter
def won(amount_won: int | None) -> str:
    """`2,200원`; `–` when there is no amount."""
    # A template makes an empty text of the amount of a payment that is not there.
    if not isinstance(amount_won, int):
        return "–"
    return f"{amount_won:,} won" if _is_english() else f"{amount_won:,}원"


@register.filter
def won_of(part_won: int | None, whole_won: int | None) -> str:
    """`10,000원 중 4,000원`, in English `4,000 of 10,000 won`; all of it as `won` says it."""
    if part_won is None or whole_won is None or part_won >= whole_won:
        return won(part_won)
    if _is_english():
        return f"{part_won:,} of {won(whole_won)}"
    return f"{won(whole_won)} 중 {won(part_won)}"


@register.filter
def number(value: int | None) -> str:
    """`2,200`; `–` when there is none."""
    return "–" if value is None else f"{value:,}"


@register.filter
def moment(at: datetime | None) -> str:
    """`2026. 11. 23. 14:05`, in English `23 Nov 2026, 14:05`; Korean time; empty for None."""
    if at is None:
        return ""
    local = at.astimezone(SEOUL)
    if _is_english():
        return f"{local.day} {_MONTHS_EN[local.month - 1][:3]} {local:%Y, %H:%M}"
    return f"{local:%Y. %-m. %-d. %H:%M}"


@register.filter
def until(at: datetime | None) -> str:
    """`11월 30일 23:50`, Korean time; empty for None."""
    if at is None:
        return ""
    local = at.astimezone(SEOUL)
    if _is_english():
        return f"{local:%H:%M} on {local.day} {_MONTHS_EN[local.month - 1]}"
    return f"{local.month}월 {local.day}일 {local:%H:%M}"


@register.filter
def day(value: date | None) -> str:
    """`11월 24일`; takes a date or a moment; empty for None."""
    if value is None:
        return ""
    local = value.astimezone(SEOUL) if isinstance(value, datetime) else value
    if _is_english():
        return f"{local.day} {_MONTHS_EN[local.month - 1]}"
    return f"{local.month}월 {local.day}일"


@register.filter
def full_day(value: date) -> str:
    """`1990년 1월 31일`."""
    if _is_english():
        return f"{value.day} {_MONTHS_EN[value.month - 1]} {value.year}"
    return f"{value.year}년 {value.month}월 {value.day}일"


@register.filter
def month(billing_month: str) -> str:
    """`11월` of `2026-11`."""
    if not billing_month:
        return ""
    number_of_month = int(billing_month[5:])
    return _MONTHS_EN[number_of_month - 1] if _is_english() else f"{number_of_month}월"


@register.filter
def span(value: timedelta | None) -> str:
    """`3시간 20분`, in days beyond two of them; `–` for None."""
    if value is None:
        return "–"
    minutes = round(value / timedelta(minutes=1))
    if minutes < 60:
        return _("{minutes}분").format(minutes=minutes)
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return _("{hours}시간 {minutes}분").format(hours=hours, minutes=minutes)
    return _("{days}일 {hours}시간").format(days=hours // 24, hours=hours % 24)
