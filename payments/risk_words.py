"""What a risk rule, and a decision by it, says to a colleague: whole sentences with the figures."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from payments.limits import Goods
from payments.risk import COUNTED, Action, Kind, Outcome
from payments.standing import Standing, Words
from payments.templatetags.won import number, won

KINDS: dict[Any, Words] = {
    Kind.FAILURES_LINE: gettext_lazy("실패: 한 번호"),
    Kind.FAILURES_NETWORK: gettext_lazy("실패: 한 인터넷 대역"),
    Kind.FAILURES_MERCHANT: gettext_lazy("실패: 한 상점"),
    Kind.FAILURES_ALL: gettext_lazy("실패: 모든 번호"),
    Kind.TRIES_LINE: gettext_lazy("시도: 한 번호"),
    Kind.TRIES_NETWORK: gettext_lazy("시도: 한 인터넷 대역"),
    Kind.TRIES_MERCHANT: gettext_lazy("시도: 한 상점"),
    Kind.CYCLES: gettext_lazy("샀다가 취소하기"),
    Kind.NIGHT_CASH: gettext_lazy("밤의 현금성 상품"),
    Kind.AMOUNT: gettext_lazy("결제 금액"),
    Kind.SIM_SWAP: gettext_lazy("유심 변경"),
}
ACTIONS = {
    Action.SHADOW: Standing(gettext_lazy("지켜보기만"), "note"),
    Action.SECOND_FACTOR: Standing(gettext_lazy("결제 비밀번호"), "wait"),
    Action.REFUSE: Standing(gettext_lazy("거절"), "bad"),
}
OUTCOMES = {
    Outcome.ALLOW: Standing(gettext_lazy("통과"), "done"),
    Outcome.SECOND_FACTOR: Standing(gettext_lazy("결제 비밀번호"), "wait"),
    Outcome.REFUSE: Standing(gettext_lazy("거절"), "bad"),
}
GOODS: dict[Any, Words] = {
    Goods.CONTENT: gettext_lazy("디지털 콘텐츠"),
    Goods.GAME_ITEM: gettext_lazy("게임 아이템"),
    Goods.CASH_LIKE: gettext_lazy("현금성 상품(상품권, 포인트)"),
    Goods.OTHER: gettext_lazy("그 밖의 상품"),
}
# Whose failures or tries: the middle of a sentence.
_WHOSE = {
    Kind.FAILURES_LINE: gettext_lazy("이 번호"),
    Kind.FAILURES_NETWORK: gettext_lazy("이 인터넷 대역"),
    Kind.FAILURES_MERCHANT: gettext_lazy("이 상점"),
    Kind.FAILURES_ALL: gettext_lazy("모든 번호"),
    Kind.TRIES_LINE: gettext_lazy("이 번호"),
    Kind.TRIES_NETWORK: gettext_lazy("이 인터넷 대역"),
    Kind.TRIES_MERCHANT: gettext_lazy("이 상점"),
}
_SO = {
    Action.SHADOW: gettext_lazy("지켜보기만 하는 규칙이라 그대로 두었어요."),
    Action.SECOND_FACTOR: gettext_lazy("그래서 결제 비밀번호를 물었어요."),
    Action.REFUSE: gettext_lazy("그래서 결제를 거절했어요."),
}
_HOUR, _DAY = 3_600, 86_400


def reason(firing: Mapping[str, Any]) -> str:
    """Why a rule fired and what followed, from what a decision keeps of it."""
    kind = Kind(firing["kind"])
    facts = {
        "whose": str(_WHOSE.get(kind, "")),
        "window": span(firing["window_seconds"]),
        "value": number(firing["value"]),
        "limit": number(firing["threshold"]),
    }
    so = str(_SO[Action(firing["action"])])
    return f"{_why(kind, firing).format(**facts)} {so}"


def _why(kind: Kind, firing: Mapping[str, Any]) -> str:
    match kind:
        case Kind.SIM_SWAP:
            return _("{window} 안에 유심이 바뀐 회선이에요.")
        case Kind.NIGHT_CASH:
            return _(
                "현금처럼 쓸 수 있는 상품을 밤 {value}시에 결제하려 했어요"
                "(밤: {limit}시부터 {window})."
            )
        case Kind.AMOUNT:
            text = _("결제 금액 {won}은 기준 {limit_won}보다 많아요.")
            return text.format(won=won(firing["value"]), limit_won=won(firing["threshold"]))
        case Kind.CYCLES:
            return _(
                "{window} 동안 이 번호의 결제 {value}건이 취소되거나 환불됐어요(기준 {limit}건)."
            )
        case _ if kind.name.startswith("TRIES"):
            return _("{window} 사이 {whose}의 {value}번째 결제 시도예요(기준 {limit}번).")
    return _(
        "{window} 사이 {whose}의 본인 확인 실패가 이번 것까지 치면 {value}번이에요(기준 {limit}번)."
    )


def in_short(outcome: str, fired: Iterable[Mapping[str, Any]]) -> str:
    """A decision in a line: what became of it, and which rules fired."""
    words = [str(OUTCOMES[Outcome(outcome)].text)]
    return " · ".join([*words, *(str(KINDS[Kind(firing["kind"])]) for firing in fired)])


def condition(kind: Kind, threshold: int, window_seconds: int) -> str:
    """When a rule fires."""
    window, limit = span(window_seconds), number(threshold)
    if kind == Kind.SIM_SWAP:
        return _("{window} 안에 바뀜").format(window=window)
    if kind == Kind.NIGHT_CASH:
        return _("{limit}시부터 {window}").format(limit=limit, window=window)
    if kind == Kind.AMOUNT:
        return _("{won} 초과").format(won=won(threshold))
    unit = _("{window}에 {limit}번 초과") if kind in COUNTED else _("{window}에 {limit}건 초과")
    return unit.format(window=window, limit=limit)


def span(seconds: int) -> str:
    """A length of time in the largest unit that fits: `3일`, `8시간`, `5분`."""
    if seconds >= _DAY and not seconds % _DAY:
        days = seconds // _DAY
        return ngettext("{n}일", "{n}일", days).format(n=days)
    if seconds >= _HOUR and not seconds % _HOUR:
        hours = seconds // _HOUR
        return ngettext("{n}시간", "{n}시간", hours).format(n=hours)
    minutes = -(-seconds // 60)
    return ngettext("{n}분", "{n}분", minutes).format(n=minutes)
