"""The rules and limits a fresh portal starts with; from then on they are rows people change.

Written once, into tables that are empty. What is not yet known to fit a shop's traffic starts in
shadow: networks of mobile operators put thousands behind one address.
"""

from datetime import datetime
from typing import Any

from payments.calendar import SEOUL
from payments.limits import Goods, Scope
from payments.models import LimitTerm, RiskRule
from payments.risk import Action, Kind

HOUR, DAY = 3_600, 86_400
_BY = "phonebill"
# As long as there are payments to decide about.
SINCE = datetime(2026, 1, 1, tzinfo=SEOUL)
# Kind, threshold, window, what it does, why (domain §5, §9; reliability §1 "code arithmetic").
RULES = (
    (Kind.SIM_SWAP, 0, 3 * DAY, Action.SECOND_FACTOR, "유심을 바꾼 뒤 3일은 문자만 믿지 않음"),
    (
        Kind.NIGHT_CASH,
        22,
        8 * HOUR,
        Action.SECOND_FACTOR,
        "밤의 상품권은 문자 가로채기의 특징",
    ),
    (
        Kind.FAILURES_LINE,
        10,
        DAY,
        Action.SECOND_FACTOR,
        "한 번호의 생년월일·코드 맞혀 보기",
    ),
    (
        Kind.FAILURES_ALL,
        3_000,
        HOUR,
        Action.SECOND_FACTOR,
        "여러 번호 훑기: 시간당 0.003번 맞음",
    ),
    (Kind.FAILURES_NETWORK, 60, HOUR, Action.SHADOW, "한 대역에서의 실패. 통신사 NAT를 보고 정함"),
    (Kind.FAILURES_MERCHANT, 300, HOUR, Action.SHADOW, "한 상점에서의 실패"),
    (Kind.TRIES_LINE, 30, HOUR, Action.SHADOW, "한 번호의 시도"),
    (Kind.TRIES_NETWORK, 200, DAY, Action.SHADOW, "한 대역의 시도"),
    (Kind.TRIES_MERCHANT, 3_000, HOUR, Action.SHADOW, "한 상점의 시도"),
    (Kind.CYCLES, 3, 30 * DAY, Action.SHADOW, "샀다가 취소하기를 되풀이: 현금화"),
)
CASH_LIKE_MONTH_WON = 100_000


def write(**_: Any) -> None:
    """Receiver of the last migration signal: fill the tables, if nobody ever did."""
    if not RiskRule.objects.exists():
        RiskRule.objects.bulk_create(
            RiskRule(
                kind=kind.value,
                threshold=threshold,
                window_seconds=window,
                action=action.value,
                valid_from=SINCE,
                note=note,
                made_by=_BY,
            )
            for kind, threshold, window, action, note in RULES
        )
    if not LimitTerm.objects.filter(scope=Scope.LINE_GOODS.value).exists():
        LimitTerm.objects.create(
            scope=Scope.LINE_GOODS.value,
            goods=Goods.CASH_LIKE.value,
            amount_won=CASH_LIKE_MONTH_WON,
            valid_from=SINCE,
            source="통신사의 상품권 월 한도(2025-09 보도)에 맞춤",
        )
