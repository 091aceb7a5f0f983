"""The operators' daily file: every charge and refund of one Korean day, as they booked it."""

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime

import httpx2
from django.conf import settings

from payments.carriers.base import Unreachable

SECONDS = 60.0
_HEAD = ("kind", "order_ref", "payment_id", "reference", "amount_won", "at")
_KINDS = ("charge", "refund")
_MOST_DIGITS = 12


class UnreadableFile(Exception):
    """The file is not what was agreed; carries the number of the line, 0 for the head."""


@dataclass(frozen=True)
class FileLine:
    """One line. `order_ref` is ours; empty when the operator did it by itself."""

    number: int
    kind: str
    order_ref: str
    carrier_payment_id: str
    reference: str
    amount_won: int
    at: datetime


def fetch(day: date) -> bytes:
    """The file of this day as it came. Raises Unreachable; it may be asked for again."""
    try:
        response = httpx2.get(
            f"{settings.CARRIER_API_URL}/files/transactions/{day.isoformat()}",
            headers={"Authorization": f"Bearer {settings.CARRIER_API_TOKEN}"},
            timeout=SECONDS,
            trust_env=False,
        )
    except httpx2.HTTPError as error:
        raise Unreachable(type(error).__name__) from error
    if response.status_code != httpx2.codes.OK:
        raise Unreachable(str(response.status_code))
    return response.content


def read(content: bytes) -> list[FileLine]:
    """The lines of a file in UTF-8, with or without BOM, or EUC-KR; any line ends.

    One line that cannot be read spoils the file: a part of it would look like differences. Raises
    UnreadableFile.
    """
    rows = csv.reader(io.StringIO(_decoded(content), newline=""), strict=True)
    try:
        if tuple(next(rows, ())) != _HEAD:
            raise UnreadableFile("line 0: another head")
        return [_line(number, row) for number, row in enumerate(rows, start=1) if row]
    except csv.Error as error:
        raise UnreadableFile(str(error)) from error


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "euc-kr"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableFile("line 0: neither UTF-8 nor EUC-KR")


def _line(number: int, row: list[str]) -> FileLine:
    try:
        kind, order_ref, carrier_payment_id, reference, amount, at = row
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise UnreadableFile(f"line {number}") from error
    is_amount = amount.isascii() and amount.isdigit() and len(amount) <= _MOST_DIGITS
    if kind not in _KINDS or not carrier_payment_id or not is_amount or moment.tzinfo is None:
        raise UnreadableFile(f"line {number}")
    return FileLine(
        number,
        kind,
        order_ref[:100],
        carrier_payment_id[:100],
        reference[:100],
        int(amount),
        moment,
    )
