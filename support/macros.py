"""Ready-made replies: text with named gaps that a case fills.

The names are Korean, like the people who write them; what fills a gap speaks the customer's
language.
"""

import re
from collections.abc import Callable

from django.utils import translation

from payments.templatetags.won import until, won
from support.models import Macro, Ticket

_GAP = re.compile(r"\{([^{}]*)\}")
_Fill = Callable[[Ticket], str]


_FILLS: dict[str, _Fill] = {
    "요청번호": lambda ticket: ticket.number,
    "상품": lambda ticket: ticket.payment.item_name if ticket.payment else ticket.product_text,
    "판매자": lambda ticket: ticket.payment.merchant.name if ticket.payment else "",
    "금액": lambda ticket: won(ticket.payment.amount_won) if ticket.payment else "",
    "결제번호": lambda ticket: ticket.payment.reference if ticket.payment else "",
    "답변기한": lambda ticket: until(ticket.due_at),
    "판매자전화": lambda ticket: ticket.payment.merchant.phone if ticket.payment else "",
}
NAMES = tuple(_FILLS)


class UnknownGap(Exception):
    """A text names something no case can fill; carries the name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def check(text: str) -> None:
    """Raises UnknownGap for the first name in braces that is not one of NAMES."""
    for name in _GAP.findall(text):
        if name not in _FILLS:
            raise UnknownGap(name)


def filled(text: str, ticket: Ticket) -> str:
    """The text as this case's customer would read it; a gap nobody can fill stays visible."""
    with translation.override(ticket.language):
        return _GAP.sub(lambda gap: _FILLS[gap[1]](ticket) if gap[1] in _FILLS else gap[0], text)


def offered(ticket: Ticket) -> list[Macro]:
    """The replies for this kind of request, by name."""
    rows = Macro.objects.filter(is_active=True).order_by("name")
    return [macro for macro in rows if macro.kind in ("", ticket.kind)]
