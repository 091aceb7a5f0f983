"""The address an answer to our mail goes to: it names the case under a seal of ours.

Case numbers are counted, so anybody can guess one; the seal nobody can. Customer and seller of a
case get different ones, or either could write as the other. It lets a mail into a conversation only
together with the sender's address (`support.receiving`), and a report of a mail that did not
arrive, whose sender is a machine, by itself.
"""

from collections.abc import Iterable
from email.utils import parseaddr
from hmac import compare_digest

from django.conf import settings

from payments import encryption
from support.models import Ticket, TicketMessage

_LENGTH = 20
_Party = TicketMessage.Party


def address_of(ticket: Ticket, party: TicketMessage.Party = _Party.CUSTOMER) -> str:
    """Where answers go; empty when nobody reads mails here, so that they go where they always did.

    The mail server must take `name+anything@` for `name@` (RFC 5233), as most do.
    """
    if settings.MAIL_INBOX == "none":
        return ""
    name, _, domain = parseaddr(settings.DESK_EMAIL)[1].rpartition("@")
    return f"{name}+{ticket.pk}.{_seal(ticket.pk, party)}@{domain}"


def is_ours(address: str) -> bool:
    """Whether a mail from this address would be one from ourselves."""
    name, _, domain = address.lower().rpartition("@")
    own = {parseaddr(one)[1].lower() for one in (settings.DESK_EMAIL, settings.DEFAULT_FROM_EMAIL)}
    return f"{name.partition('+')[0]}@{domain}" in own


def opened(
    threads: Iterable[tuple[int, str]], party: TicketMessage.Party = _Party.CUSTOMER
) -> Ticket | None:
    """The case of the first seal that we really made for this party; None when none is."""
    for pk, seal in threads:
        if compare_digest(seal.encode(), _seal(pk, party).encode()):
            return Ticket.objects.filter(pk=pk).first()
    return None


def _seal(pk: int, party: TicketMessage.Party) -> str:
    return encryption.blind_index(f"{pk}:{party}", kind="thread")[:_LENGTH]
