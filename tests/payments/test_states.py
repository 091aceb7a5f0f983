"""The tables of states: complete, closed, and the only way to change a state."""

import itertools

import pytest

from payments import states
from payments.states import IllegalMove, PaymentState, PayoutState, RefundState

TABLES = [
    pytest.param(states.PAYMENT_MOVES, PaymentState, states.PAYMENT_FINAL, id="payment"),
    pytest.param(states.REFUND_MOVES, RefundState, states.REFUND_FINAL, id="refund"),
    pytest.param(states.PAYOUT_MOVES, PayoutState, states.PAYOUT_FINAL, id="payout"),
]


@pytest.mark.parametrize(("moves", "every", "final"), TABLES)
def test_every_pair_of_states_is_allowed_or_refused(moves, every, final) -> None:  # type: ignore[no-untyped-def]
    for pair in itertools.product(every, every):
        if pair in moves:
            assert states.check_move(moves, *pair) == moves[pair]
        else:
            with pytest.raises(IllegalMove):
                states.check_move(moves, *pair)


@pytest.mark.parametrize(("moves", "every", "final"), TABLES)
def test_final_states_have_no_way_out_and_others_have_one(moves, every, final) -> None:  # type: ignore[no-untyped-def]
    leaving = {current for current, _ in moves}

    assert leaving == set(every) - set(final)


@pytest.mark.parametrize(("moves", "every", "final"), TABLES)
def test_every_state_but_the_first_can_be_reached(moves, every, final) -> None:  # type: ignore[no-untyped-def]
    first = next(iter(every))

    assert {target for _, target in moves} | {first} == set(every)
