"""The judge of `make chaos` sees every planted lie, and says nothing where there is none."""

from collections import Counter

import pytest

from tests.chaos import judge
from tests.chaos.people import Memory, shown

PAID = Memory("1001", token="paid-token", said="paid")
LEFT = Memory("1002", token="left-token", said="not charged")
STATES = {"paid-token": "PAID", "left-token": "CANCELED"}


def books() -> judge.Books:
    """Two payments, one of them taken back by the operator, one given back by the bank."""
    return judge.Books(
        charged=Counter({"PB-1": 2_200, "PB-2": 3_300}),
        refunded=Counter({"PB-1": 2_200}),
        paid_out=Counter({"pb-payout": 3_300}),
        receivable_won=3_300,
    )


def test_nothing_is_said_when_both_books_agree() -> None:
    assert list(judge.differences(books(), books())) == []


@pytest.mark.parametrize("what", ["charged", "refunded", "paid_out"])
def test_a_won_is_missed_when_one_side_does_not_have_it(what: str) -> None:
    short = books()
    column = getattr(short, what)
    key = next(iter(column))
    column[key] -= 1

    [mine] = judge.differences(short, books())
    [theirs] = judge.differences(books(), short)

    assert key in mine
    assert key in theirs


def test_a_payment_only_one_side_knows_is_named() -> None:
    more = books()
    more.charged["PB-3"] = 1_000

    assert list(judge.differences(books(), more)) == [
        "PB-3: 0 won charged by our books, 1000 won by theirs"
    ]


def test_a_receivable_that_is_a_won_short_is_named() -> None:
    short = books()
    short.receivable_won -= 1

    assert list(judge.differences(short, books())) == [
        "the operator's books say that it owes us +1 won more than ours do"
    ]


def test_nothing_is_said_when_people_were_told_the_truth() -> None:
    assert list(judge.lies([PAID, LEFT], STATES)) == []


@pytest.mark.parametrize("state", ["CANCELED", "UNKNOWN", "nowhere"])
def test_a_paid_that_is_none_is_a_lie(state: str) -> None:
    states = {} if state == "nowhere" else {"paid-token": state}

    assert list(judge.lies([PAID], states)) == [f"paid-t… was told it is paid, and is {state}"]


def test_a_charge_is_a_lie_to_whoever_was_told_that_nothing_was_charged() -> None:
    assert list(judge.lies([LEFT], {"left-token": "PAID"})) == [
        "left-t… was told nothing was charged, and is PAID"
    ]


def test_somebody_who_cannot_find_out_is_named() -> None:
    waiting = Memory("1003", token="lost-token", said="waiting")

    assert list(judge.lies([waiting], {"lost-token": "DECLINED"})) == [
        "lost-t… cannot find out how it ended, and is DECLINED"
    ]


@pytest.mark.parametrize(
    ("received", "said"),
    [
        ({"1001": 1}, []),
        ({}, ["…1001 paid 1 times and got 0 receipts"]),
        ({"1001": 2}, ["…1001 paid 1 times and got 2 receipts"]),
        ({"1001": 1, "1002": 1}, ["…1002 paid 0 times and got 1 receipts"]),
    ],
    ids=["once", "never", "twice", "without paying"],
)
def test_a_receipt_is_due_exactly_once(received: dict[str, int], said: list[str]) -> None:
    assert list(judge.missing_receipts([PAID, LEFT], STATES, received)) == said


@pytest.mark.parametrize("number", ["010-9000-1001", "+821090001001", "01090001001"])
def test_a_number_in_a_log_is_found(number: str) -> None:
    logs = {"web.log": f"INFO sent to {number}\n".encode(), "beat.log": b"in 0.010900010014s"}

    assert list(judge.leaks(logs)) == ["a phone number in web.log: …1001"]


@pytest.mark.parametrize(
    ("page", "step"),
    [
        ('<input name="birthdate"> 돈이 빠져나가지 않아요', "details"),
        ("<div data-poll></div> 아직 돈이 빠져나가지 않았어요", "waiting"),
        ('<input name="code"> <div data-poll></div>', "code"),
        ('<a href="/support/request/?payment=x">', "paid"),
        ("돈이 빠져나가지 않았어요", "not charged"),
        ("담당자가 결과를 확인하고 있어요", "review"),
        ("Server Error", ""),
    ],
)
def test_people_tell_the_steps_of_the_window_apart(page: str, step: str) -> None:
    assert shown(page) == step
