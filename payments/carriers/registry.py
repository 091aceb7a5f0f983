"""Which operators there are, how to reach them and what each can do. Data from the settings."""

from dataclasses import dataclass, field
from functools import cache

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from payments.calendar import Capabilities
from payments.carriers.base import Adapter
from payments.carriers.camara import Camara


@dataclass(frozen=True)
class Carrier:
    """One operator as the shopper knows it."""

    code: str
    name: str | Promise
    is_mvno: bool
    capabilities: Capabilities = field(default_factory=Capabilities)
    is_available: bool = True


class UnknownCarrier(Exception):
    """No operator has this code."""


_CARRIERS = {
    carrier.code: carrier
    for carrier in (
        Carrier("SKT", "SKT", is_mvno=False),
        Carrier("KT", "KT", is_mvno=False),
        Carrier("LGU", "LG U+", is_mvno=False),
        Carrier("SKT_MVNO", _("알뜰폰 (SKT망)"), is_mvno=True),
        Carrier("KT_MVNO", _("알뜰폰 (KT망)"), is_mvno=True),
        Carrier("LGU_MVNO", _("알뜰폰 (LG U+망)"), is_mvno=True),
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


@cache
def adapter(code: str) -> Adapter:
    """How to speak to an operator; one connection pool per operator and process."""
    return Camara(
        api_root=f"{settings.CARRIER_API_URL}/operators/{carrier(code).code}",
        token=settings.CARRIER_API_TOKEN,
        sink=settings.CARRIER_SINK_URL,
    )
