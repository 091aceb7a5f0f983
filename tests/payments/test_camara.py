"""How an operator's HTTP answers are understood: a refusal, nothing done, or nobody knows."""

from typing import Any

import pytest

from payments.carriers.base import CarrierRefund, Declined, OutcomeUnknown, Unreachable
from payments.carriers.camara import Camara
from tests.payments.providers import Answer, http_provider

REFUND = CarrierRefund("order-1", "PB-TEST-0001", None, "밤 산책")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(403, {"code": "PERMISSION_DENIED", "message": "no"}), Declined("UNMAPPED")),
        (
            Answer(403, {"code": "X", "message": "CANCEL_MONTH_CLOSED: closed"}),
            Declined("CANCEL_MONTH_CLOSED"),
        ),
        # Nobody was asked about the payer yet: neither answer may end a payment or a refund.
        (Answer(429, {"code": "TOO_MANY_REQUESTS", "message": "later"}), Unreachable()),
        (Answer(429, {"code": "QUOTA_EXCEEDED", "message": "later"}), Unreachable()),
        (Answer(401, {"code": "UNAUTHENTICATED", "message": "expired"}), Unreachable()),
        (Answer(409, {"code": "ALREADY_EXISTS", "message": "there"}), OutcomeUnknown()),
        (Answer(500, {"code": "INTERNAL", "message": "oh"}), OutcomeUnknown()),
        (Answer(502, text="<html>Bad gateway</html>"), OutcomeUnknown()),
        (Answer(200, text="<html>Welcome</html>"), OutcomeUnknown()),
        (Answer(200, text='{"refundId": "1", "refu'), OutcomeUnknown()),
        (Answer(200, {"refundId": "1"}), OutcomeUnknown()),
        (Answer(200, text=""), OutcomeUnknown()),
        (Answer(0), OutcomeUnknown()),
    ],
    ids=lambda one: f"{one.status} {one.text or one.body}" if isinstance(one, Answer) else "",
)
def test_an_answer_to_a_call_that_moves_money_is_understood(
    answer: Answer, expected: Exception
) -> None:
    with http_provider() as server:
        server.answer = lambda _: answer
        operator = Camara(api_root=server.url, token="a-token", sink="")
        with pytest.raises(type(expected)) as caught:
            operator.refund("payment-1", REFUND)

    assert _code(caught.value) == _code(expected)


def test_an_operator_that_is_not_there_did_nothing(free_tcp_port: int) -> None:
    operator = Camara(api_root=f"http://127.0.0.1:{free_tcp_port}", token="a-token", sink="")

    with pytest.raises(Unreachable):
        operator.refund("payment-1", REFUND)


def _code(problem: Any) -> str | None:
    return getattr(problem, "code", None)
