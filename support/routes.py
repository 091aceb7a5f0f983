"""Why money goes back the way it goes, in words: whole sentences, for payers and for agents."""

from collections.abc import Iterable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from payments.calendar import Reason

# To the payer whose money goes to an account.
TO_BANK: dict[str, Promise] = {
    Reason.MONTH_CLOSED: _("통신사 취소 기한이 지나 계좌로 돌려드려요."),
    Reason.REFUSED_BY_CARRIER: _("통신사에서 취소할 수 없어 계좌로 돌려드려요."),
    Reason.PART_NOT_SUPPORTED: _("통신사가 일부 취소를 하지 않아 계좌로 돌려드려요."),
}
# To the agent who looks for a way.
_OBSTACLES: dict[str, Promise] = {
    Reason.MONTH_CLOSED: _("통신사 취소 기한이 지났어요."),
    Reason.REFUSED_BY_CARRIER: _("통신사가 취소를 거절한 결제예요."),
    Reason.PART_NOT_SUPPORTED: _("이 통신사는 일부 취소를 하지 않아요."),
    Reason.WHOLE_ONLY: _("이 판매자는 남은 금액을 모두 돌려줄 때만 환불해요."),
    Reason.BANK_NOT_CONTRACTED: _("이 통신사 결제는 계좌로 돌려줄 계약이 없어요."),
}


def because(reason: str) -> Promise:
    """Why it goes to an account; a reason of long ago that is not known counts as a refusal."""
    return TO_BANK.get(reason, TO_BANK[Reason.REFUSED_BY_CARRIER])


def obstacles(reasons: Iterable[Reason]) -> str:
    """What stands in the way of a refund, in the current language."""
    return " ".join(str(_OBSTACLES[reason]) for reason in reasons if reason in _OBSTACLES)
