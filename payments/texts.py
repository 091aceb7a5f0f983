"""What a text message may say and what it costs. Pure.

Korean networks carry 90 bytes of EUC-KR as one SMS; what is longer travels as LMS at another price
(domain §13).
"""

from collections.abc import Sequence
from enum import StrEnum

SMS_BYTES = 90


class Format(StrEnum):
    """How the network carries a text."""

    SMS = "SMS"
    LMS = "LMS"


class ItemsMissing(Exception):
    """A notice lacks something the law wants in it; carries which, never the words."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(", ".join(missing))
        self.missing = tuple(missing)


def format_of(text: str) -> Format:
    """SMS when the text fits 90 bytes of EUC-KR and holds nothing that EUC-KR does not have."""
    is_plain = not strays(text)
    return Format.SMS if is_plain and len(text.encode("euc_kr")) <= SMS_BYTES else Format.LMS


def strays(text: str) -> list[str]:
    """The characters EUC-KR does not have, in order: a network sends them as LMS, or as `?`."""
    return [letter for letter in text if not _is_in_euc_kr(letter)]


def require_items(text: str, items: dict[str, str]) -> None:
    """Check that each named item stands in a notice, as 정보통신망법 §58① wants of a charge.

    Raises ItemsMissing with the names of those that do not, or that are empty.
    """
    missing = [name for name, words in items.items() if not words or words not in text]
    if missing:
        raise ItemsMissing(missing)


def _is_in_euc_kr(letter: str) -> bool:
    try:
        # Python spells syllables that KS X 1001 lacks in eight bytes, which no phone shows.
        return len(letter.encode("euc_kr")) <= 2
    except UnicodeEncodeError:
        return False
