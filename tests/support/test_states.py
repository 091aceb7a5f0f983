"""The table of a ticket's moves is complete and says what it announces."""

import itertools

import pytest

from payments.states import IllegalMove, check_move
from support.states import TICKET_FINAL, TICKET_MOVES, TICKET_OPEN, UNBORN, TicketState

ALL = [UNBORN, *TicketState]


@pytest.mark.parametrize("state", list(TicketState))
def test_table_leads_to_every_state(state: TicketState) -> None:
    assert any(target == state for _, target in TICKET_MOVES)


@pytest.mark.parametrize("state", ALL)
def test_a_closed_request_leads_on_only_when_a_no_is_looked_at_again(state: str) -> None:
    onward = {target for current, target in TICKET_MOVES if current == state}

    if state in {TicketState.REJECTED, TicketState.ANSWERED, TicketState.DUPLICATE}:
        assert onward == {TicketState.IN_PROGRESS}
    else:
        assert bool(onward) == (state not in TICKET_FINAL)


def test_check_move_refuses_every_move_outside_the_table() -> None:
    outside = set(itertools.product(ALL, ALL)) - set(TICKET_MOVES)

    for current, target in outside:
        with pytest.raises(IllegalMove):
            check_move(TICKET_MOVES, current, target)


def test_decisions_are_announced() -> None:
    events = {target: event for (_, target), event in TICKET_MOVES.items() if event}

    assert events == {
        TicketState.NEW: "ticket.received",
        TicketState.APPROVED: "ticket.approved",
        TicketState.REJECTED: "ticket.rejected",
        TicketState.ANSWERED: "ticket.answered",
        TicketState.RESOLVED: "ticket.resolved",
        TicketState.WITHDRAWN: "ticket.withdrawn",
        TicketState.DUPLICATE: "ticket.duplicate",
    }


def test_open_and_final_states_are_all_states() -> None:
    assert set(TicketState) == TICKET_OPEN | TICKET_FINAL
    assert not TICKET_OPEN & TICKET_FINAL
