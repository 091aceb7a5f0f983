"""Which operators there are, how to reach them and what each can do. Data from the settings."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from payments import calendar
from payments.calendar import Capabilities
from payments.carriers.base import Adapter
from payments.carriers.camara import Camara


@dataclass(frozen=True)
class Carrier:
    """One operator as the shopper knows it."""

    code: str
    name: str | Promise
    is_mvno: bool
    capabilities: Capabilities
    is_available: bool = True


class UnknownCarrier(Exception):
    """No operator has this code."""


def _capabilities(code: str, *, parts: bool = False) -> Capabilities:
    """What is known of an operator, and what the settings say of it instead."""
    known = Capabilities(
        min_age=timedelta(seconds=settings.CANCEL_MIN_AGE_SECONDS), can_cancel_in_part=parts
    )
    return replace(known, **settings.CARRIER_CAPABILITIES.get(code, {}))


# Partial cancels are mostly unsupported, with resellers never seen (domain §6).
_CARRIERS = {
    code: Carrier(code, name, is_mvno=code.endswith("_MVNO"), capabilities=capabilities)
    for code, name, capabilities in (
        ("SKT", "SKT", _capabilities("SKT", parts=True)),
        ("KT", "KT", _capabilities("KT", parts=True)),
        ("LGU", "LG U+", _capabilities("LGU")),
        ("SKT_MVNO", _("알뜰폰 (SKT망)"), _capabilities("SKT_MVNO")),
        ("KT_MVNO", _("알뜰폰 (KT망)"), _capabilities("KT_MVNO")),
        ("LGU_MVNO", _("알뜰폰 (LG U+망)"), _capabilities("LGU_MVNO")),
    )
}


def carriers() -> list[Carrier]:
    """Every operator, in the order the window shows them."""
    return list(_CARRIERS.values())


def carrier(code: str) -> Carrier:
    """The operator of this code. Raises UnknownCarrier."""
    try:
        return _CARRIERS[code]
    except KeyError:
        raise UnknownCarrier(code) from None


def capabilities(code: str) -> Capabilities:
    """What the operator of a payment can do about cancelling; before one was chosen, the usual.

    Raises UnknownCarrier.
    """
    return carrier(code).capabilities if code else Capabilities()


def cancel_until(now: datetime) -> datetime | None:
    """Until when a payment made now could be taken off the bill, at every operator.

    None in the minutes at month end when that is over, or over before it begins.
    """
    known = [operator.capabilities for operator in carriers()]
    cutoff = min(calendar.carrier_cutoff(now, each) for each in known)
    opens_at = now + max(each.min_age for each in known)
    return cutoff if opens_at < cutoff else None


@cache
def adapter(code: str) -> Adapter:
    """How to speak to an operator; one connection pool per operator and process."""
    return Camara(
        api_root=f"{settings.CARRIER_API_URL}/operators/{carrier(code).code}",
        token=settings.CARRIER_API_TOKEN,
        sink=settings.CARRIER_SINK_URL,
    )
