"""Reading a customer's masked data: for a reason, for a minute, on record with whose it is.

The entry in the trail is the permission to look: without one nothing is shown, and after its minute
it shows nothing any more, whatever page was left open.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from payments import encryption
from support import audit
from support.models import AuditEntry, Ticket

SHOWN_FOR = timedelta(seconds=60)


class Item(StrEnum):
    """What can be revealed of a case."""

    PHONE = "phone"
    EMAIL = "email"
    ACCOUNT = "account"
    BUYER = "buyer"


class ReasonMissing(Exception):
    """Somebody wanted to look without saying why."""


class NothingThere(Exception):
    """The case has no such data, or no longer."""


def items(ticket: Ticket) -> list[Item]:
    """What the case holds that is masked."""
    held = {
        Item.PHONE: ticket.phone_sealed,
        Item.EMAIL: ticket.email_sealed,
        Item.ACCOUNT: ticket.refund.account_sealed if ticket.refund else "",
        Item.BUYER: ticket.buyer.name_sealed if hasattr(ticket, "buyer") else "",
    }
    return [item for item, sealed in held.items() if sealed]


def ask(
    ticket: Ticket, item: Item, *, reason: str, actor: str, address: str, now: datetime
) -> AuditEntry:
    """Put the look on record; the entry opens `shown` for a minute.

    Raises ReasonMissing, NothingThere.
    """
    reason = reason.strip()
    if not reason:
        raise ReasonMissing
    if item not in items(ticket):
        raise NothingThere
    return audit.record(
        AuditEntry.Action.REVEALED,
        actor=actor,
        subject=_subject(ticket, item),
        person=ticket.phone_bidx,
        reason=reason,
        address=address,
        at=now,
    )


def shown(
    ticket: Ticket, entry: AuditEntry, *, actor: str, now: datetime
) -> tuple[Item, list[str], timedelta] | None:
    """What the entry lets this person see and for how long yet; None when its minute is over.

    Another person's entry, or one about another case, shows nothing.
    """
    left = entry.at + SHOWN_FOR - now
    for item in items(ticket):
        is_this = entry.subject == _subject(ticket, item) and entry.actor == actor
        if is_this and entry.action == AuditEntry.Action.REVEALED and timedelta(0) < left:
            try:
                return item, _read(ticket, item), left
            except encryption.Unreadable:
                return None
    return None


def _subject(ticket: Ticket, item: Item) -> str:
    return f"ticket:{ticket.pk}:{item}"


def _read(ticket: Ticket, item: Item) -> list[str]:
    if item == Item.PHONE:
        digits = "0" + ticket.phone.removeprefix("+82")
        return [f"{digits[:3]}-{digits[3:7]}-{digits[7:]}"]
    if item == Item.EMAIL:
        return [ticket.email]
    if item == Item.BUYER:
        return [ticket.buyer.name, ticket.buyer.birthdate]
    refund = ticket.refund
    return [refund.bank, refund.account_number, refund.account_holder] if refund else []
