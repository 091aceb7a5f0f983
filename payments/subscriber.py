"""Who holds the line: phone numbers, birthdates, ages, and how they are masked. Pure.

Accepts what people type (domain §16, reliability §7.1–7.2) and yields one canonical value, so that
one line never has two identities.
"""

import re
import unicodedata
from datetime import date
from enum import StrEnum

_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−－"), "-")
_MOBILE = re.compile(r"010[0-9]{8}")
_OLD_MOBILE = re.compile(r"01[16789][0-9]{7,8}")
_OLDEST = 130
# A resident registration number somewhere in what somebody wrote (개인정보 보호법 §24의2).
# Possessive: what is searched may be a long mail that is nothing but blanks.
RESIDENT_NUMBER = re.compile(r"(?<!\d)\d{6}\s*+(?:-\s*+)?[1-8]\d{6}(?!\d)")


class PhoneFault(StrEnum):
    """What is wrong with a typed phone number."""

    MISSING = "MISSING"
    MALFORMED = "MALFORMED"
    NOT_MOBILE = "NOT_MOBILE"


class BirthdateFault(StrEnum):
    """What is wrong with a typed birthdate."""

    MISSING = "MISSING"
    RESIDENT_NUMBER = "RESIDENT_NUMBER"
    MALFORMED = "MALFORMED"
    NO_SUCH_YEAR = "NO_SUCH_YEAR"
    NO_SUCH_MONTH = "NO_SUCH_MONTH"
    NO_SUCH_DAY = "NO_SUCH_DAY"
    IN_THE_FUTURE = "IN_THE_FUTURE"


class UnreadablePhone(Exception):
    """The typed text is not a Korean mobile number; carries the fault, never the text."""

    def __init__(self, fault: PhoneFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class UnreadableBirthdate(Exception):
    """The typed text is not a birthdate; carries the fault, never the text."""

    def __init__(self, fault: BirthdateFault, part: int | None = None) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.part = part


def parse_phone(typed: str) -> str:
    """The canonical E.164 form, `+8210XXXXXXXX`, of a typed mobile number.

    Raises UnreadablePhone.
    """
    text = unicodedata.normalize("NFKC", typed.strip()).translate(_DASHES).strip()
    if not text:
        raise UnreadablePhone(PhoneFault.MISSING)
    # NFKC reads `⁹` and `⑨` as digits; nobody types a number that way.
    if any(unicodedata.category(letter) == "No" for letter in typed):
        raise UnreadablePhone(PhoneFault.MALFORMED)
    digits = re.sub(r"[ .()\-]", "", text)
    digits = re.sub(r"^(?:\+|00)?820?(?=1)", "0", digits)
    if _MOBILE.fullmatch(digits):
        return f"+82{digits[1:]}"
    is_other = _OLD_MOBILE.fullmatch(digits) or re.fullmatch(
        r"0[2-7][0-9]{7,10}|1[0-9]{2,7}", digits
    )
    raise UnreadablePhone(PhoneFault.NOT_MOBILE if is_other else PhoneFault.MALFORMED)


def national(phone: str) -> str:
    """`010XXXXXXXX` of a canonical phone."""
    return f"0{phone[3:]}"


def mask_phone(phone: str) -> str:
    """`010-****-1234` of a canonical phone."""
    return f"010-****-{phone[-4:]}"


def mask_email(email: str) -> str:
    """`a***@example.kr` of an e-mail address."""
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}***@{domain}"


def parse_birthdate(typed: str, today: date) -> date:
    """The date meant by eight digits, or by six as the latest such date not in the future.

    `-`, `.` and `/` may separate year, month and day. `today` is the Korean day. Raises
    UnreadableBirthdate; a resident number is refused and never echoed (개인정보 보호법 §24의2).
    """
    text = unicodedata.normalize("NFKC", typed.strip()).translate(_DASHES).strip()
    if not text:
        raise UnreadableBirthdate(BirthdateFault.MISSING)
    if looks_like_resident_number(text):
        raise UnreadableBirthdate(BirthdateFault.RESIDENT_NUMBER)
    parts = re.fullmatch(r"([0-9]{4})[-./ ]+([0-9]{1,2})[-./ ]+([0-9]{1,2})\.?", text)
    digits = f"{parts[1]}{parts[2]:0>2}{parts[3]:0>2}" if parts else text
    if not re.fullmatch(r"[0-9]{8}|[0-9]{6}", digits):
        raise UnreadableBirthdate(BirthdateFault.MALFORMED)
    if len(digits) == 6:
        digits = _century_of(digits, today) + digits
    return _real_date(int(digits[:4]), int(digits[4:6]), int(digits[6:]), today)


def looks_like_resident_number(text: str) -> bool:
    """Whether a text holds a 13-digit resident registration number, with or without its hyphen."""
    return re.fullmatch(r"[0-9]{6}[- ]?[0-9]{7}", text.strip()) is not None


def _century_of(six_digits: str, today: date) -> str:
    recent = (
        today.year // 100,
        int(six_digits[:2]),
        int(six_digits[2:4]),
        int(six_digits[4:]),
    )
    is_past = recent[0] * 100 + recent[1], recent[2], recent[3]
    century = recent[0] if is_past <= (today.year, today.month, today.day) else recent[0] - 1
    return str(century)


def _real_date(year: int, month: int, day: int, today: date) -> date:
    if not 1 <= month <= 12:
        raise UnreadableBirthdate(BirthdateFault.NO_SUCH_MONTH, month)
    if not today.year - _OLDEST < year <= today.year:
        is_future = today.year < year <= today.year + 100
        raise UnreadableBirthdate(
            BirthdateFault.IN_THE_FUTURE if is_future else BirthdateFault.NO_SUCH_YEAR,
            year,
        )
    try:
        born = date(year, month, day)
    except ValueError:
        raise UnreadableBirthdate(BirthdateFault.NO_SUCH_DAY, day) from None
    if born > today:
        raise UnreadableBirthdate(BirthdateFault.IN_THE_FUTURE)
    return born


def age_on(born: date, day: date) -> int:
    """Full years on `day`; someone born on 29 February turns a year older on 1 March."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def parse_code(typed: str) -> str | None:
    """The six digits of a typed confirmation code; None when it is not six digits."""
    text = re.sub(r"[ \-]", "", unicodedata.normalize("NFKC", typed.strip()))
    return text if re.fullmatch(r"[0-9]{6}", text) else None
