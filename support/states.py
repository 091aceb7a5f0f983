"""The states of a ticket and every allowed move between them, with the event each announces.

Same form as `payments.states`: one table answers "allowed?" and "announced?". A ticket never copies
the state of its refund; it only knows that one was promised (design §4). Pure.
"""

from enum import StrEnum

from payments.states import Moves


class TicketState(StrEnum):
    """Where a request stands."""

    NEW = "NEW"
    IN_PROGRESS = "IN_PROGRESS"
    WAITING_CUSTOMER = "WAITING_CUSTOMER"
    WAITING_MERCHANT = "WAITING_MERCHANT"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    RESOLVED = "RESOLVED"
    ANSWERED = "ANSWERED"
    WITHDRAWN = "WITHDRAWN"
    DUPLICATE = "DUPLICATE"


# A ticket is born by a move as well: its arrival is announced and written down like the rest.
UNBORN = ""

_T = TicketState
TICKET_UNDECIDED = frozenset({_T.NEW, _T.IN_PROGRESS, _T.WAITING_CUSTOMER, _T.WAITING_MERCHANT})
TICKET_MOVES: Moves = {
    (UNBORN, _T.NEW): "ticket.received",
    (_T.NEW, _T.IN_PROGRESS): None,
    (_T.NEW, _T.WAITING_CUSTOMER): None,
    (_T.NEW, _T.WAITING_MERCHANT): None,
    (_T.IN_PROGRESS, _T.WAITING_CUSTOMER): None,
    (_T.IN_PROGRESS, _T.WAITING_MERCHANT): None,
    (_T.WAITING_CUSTOMER, _T.IN_PROGRESS): None,
    (_T.WAITING_MERCHANT, _T.IN_PROGRESS): None,
    **{(state, _T.APPROVED): "ticket.approved" for state in TICKET_UNDECIDED},
    **{(state, _T.REJECTED): "ticket.rejected" for state in TICKET_UNDECIDED},
    # The good end of what is not about money: there is no refund to wait for.
    **{(state, _T.ANSWERED): "ticket.answered" for state in TICKET_UNDECIDED},
    **{(state, _T.DUPLICATE): "ticket.duplicate" for state in TICKET_UNDECIDED},
    **{(state, _T.WITHDRAWN): "ticket.withdrawn" for state in TICKET_UNDECIDED},
    # A no and an answer are looked at again; a yes is not: its money is on the way or back.
    (_T.REJECTED, _T.IN_PROGRESS): None,
    (_T.ANSWERED, _T.IN_PROGRESS): None,
    (_T.DUPLICATE, _T.IN_PROGRESS): None,
    (_T.APPROVED, _T.RESOLVED): "ticket.resolved",
    (_T.APPROVED, _T.WITHDRAWN): "ticket.withdrawn",
}
TICKET_WAITING = frozenset({_T.WAITING_CUSTOMER, _T.WAITING_MERCHANT})
# Closed: nothing happens by itself any more.
TICKET_FINAL = frozenset({_T.REJECTED, _T.RESOLVED, _T.ANSWERED, _T.WITHDRAWN, _T.DUPLICATE})
# The same for rules that the database keeps or checks by itself.
TICKET_FINAL_SQL = ", ".join(f"'{state}'" for state in sorted(TICKET_FINAL))
# At most one ticket about a payment's money may be in these at a time.
TICKET_OPEN = frozenset(_T) - TICKET_FINAL
