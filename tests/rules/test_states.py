"""The tables of states: complete, closed, and the only way to change a state."""

import itertools
from enum import StrEnum
from pathlib import Path

import pytest

from payments import pictures, states
from payments.states import IllegalMove, Overtaken, PaymentState, PayoutState, RefundState

DRAWN = Path(__file__).resolve().parents[2] / "docs" / "states.md"
TABLES = [
    pytest.param(states.PAYMENT_MOVES, PaymentState, states.PAYMENT_FINAL, id="payment"),
    pytest.param(states.REFUND_MOVES, RefundState, states.REFUND_FINAL, id="refund"),
    pytest.param(states.PAYOUT_MOVES, PayoutState, states.PAYOUT_FINAL, id="payout"),
]
every_table = pytest.mark.parametrize(("moves", "every", "final"), TABLES)


@every_table
def test_every_pair_of_states_is_allowed_or_refused(
    moves: states.Moves, every: type[StrEnum], final: frozenset[str]
) -> None:
    for current, target in itertools.product(every, every):
        if (current, target) in moves:
            assert states.check_move(moves, current, target) == moves[current, target]
        else:
            with pytest.raises(IllegalMove):
                states.check_move(moves, current, target)


@every_table
def test_final_states_have_no_way_out_and_others_have_one(
    moves: states.Moves, every: type[StrEnum], final: frozenset[str]
) -> None:
    leaving = {current for current, _ in moves}

    assert leaving == set(every) - set(final)


@every_table
def test_every_state_but_the_first_can_be_reached(
    moves: states.Moves, every: type[StrEnum], final: frozenset[str]
) -> None:
    first = next(iter(every))

    assert {target for _, target in moves} | {first} == set(every)


@every_table
def test_moves_and_what_they_announce_are_as_they_were_agreed_on(
    moves: states.Moves, every: type[StrEnum], final: frozenset[str]
) -> None:
    assert f"```mermaid\n{pictures.mermaid(moves, every)}```" in DRAWN.read_text()


@every_table
def test_states_are_stored_under_their_own_names(
    moves: states.Moves, every: type[StrEnum], final: frozenset[str]
) -> None:
    assert all(state.value == state.name for state in every)


def test_only_payments_that_ended_without_money_leave_their_order_to_another_one() -> None:
    ended = {"DECLINED", "EXPIRED", "CANCELED", "REVERSED"}

    assert set(PaymentState) - ended == states.PAYMENT_LIVE
    assert states.PAYMENT_FINAL - ended == states.PAYMENT_LIVE & states.PAYMENT_FINAL


def test_a_refund_holds_its_money_until_it_failed_or_was_taken_back() -> None:
    assert set(RefundState) - {"FAILED", "WITHDRAWN"} == states.REFUND_HOLDS_MONEY


def test_a_payout_is_certainly_unsent_only_before_it_is_sent_and_after_it_failed() -> None:
    assert frozenset(["SCHEDULED", "FAILED"]) == states.PAYOUT_UNSENT


@pytest.mark.parametrize("kind", [IllegalMove, Overtaken])
def test_a_move_that_is_refused_says_which_one_it_was(kind: type[IllegalMove]) -> None:
    refused = kind("PAID", "CREATED")

    assert (refused.current, refused.target) == ("PAID", "CREATED")
    assert str(refused) == "PAID does not lead to CREATED"


def test_check_move_names_the_move_it_refuses() -> None:
    with pytest.raises(IllegalMove) as caught:
        states.check_move(states.PAYMENT_MOVES, "PAID", "CREATED")

    assert (caught.value.current, caught.value.target) == ("PAID", "CREATED")
