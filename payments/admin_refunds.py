"""Refunds that failed: why, whose they are, and the two ways on."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments import admin_owners, refunds
from payments.admin import MerchantFilter, RefundAdmin, column, heap_filter
from payments.admin_steps import NOT_OFFERED, Step, Stepping, Unable
from payments.calendar import Route
from payments.models import FailedRefund, Refund, RefundEvent
from payments.states import IllegalMove, RefundState
from payments.templatetags.won import moment, won

_WHY = {
    "ACCOUNT_NOT_FOUND": gettext_lazy("없는 계좌"),
    "ALREADY_CANCELLED": gettext_lazy("통신사에서 이미 취소됨"),
    "BILL_NOT_PAID_YET": gettext_lazy("아직 내지 않은 요금"),
    "CANCEL_AMOUNT_EXCEEDED": gettext_lazy("취소할 수 있는 금액보다 큼"),
    "CANCEL_COUNT_EXCEEDED": gettext_lazy("취소 횟수가 넘음"),
    "CANCEL_IN_PROGRESS": gettext_lazy("통신사에서 취소하는 중"),
    "CANCEL_INSUFFICIENT_BALANCE": gettext_lazy("통신사 쪽 잔액이 모자람"),
    "CANCEL_TOO_EARLY": gettext_lazy("승인 직후라 취소를 받지 않음"),
    "REFUND_ACCOUNT_MISMATCH": gettext_lazy("예금주가 다름"),
    "UNMAPPED": gettext_lazy("뜻을 모르는 답"),
}
_HINDRANCES = {
    "MAY_HAVE_MOVED": gettext_lazy("돈이 이미 움직였을 수 있어요. 통신사에 먼저 확인해 주세요."),
    "REMAINING_CHANGED": gettext_lazy("그사이 다른 환불이 이 돈을 돌려주고 있어요."),
    "NO_ROUTE": gettext_lazy("통신사는 더 받지 않고, 계좌로 돌려줄 계약도 없어요."),
}


def _why(refund: Refund) -> str:
    return str(_WHY.get(refund.failure_code, refund.failure_code))


def _next(refund: Refund) -> str:
    if refund.state != RefundState.FAILED:
        return _("끝났거나 다시 가는 중이에요.")
    code = refunds.hindrance(refund)
    if code is not None:
        return str(_HINDRANCES[code])
    if refund.route == Route.BANK:
        return _("다시 보내 주세요.")
    return _("다시 보내거나 계좌 환불로 바꿔 주세요.")


def _failed_at(refund: Refund) -> Any:
    event = refund.events.filter(to_state=RefundState.FAILED).order_by("pk").last()
    return format_html(
        '<span class="nowrap">{}</span>', moment(event.occurred_at if event else None)
    )


def _closed(refund: Refund) -> str | None:
    if refund.state != RefundState.FAILED:
        return NOT_OFFERED
    code = refunds.hindrance(refund)
    return str(_HINDRANCES[code]) if code else None


def _through(use_case: Any, said: Any) -> Any:
    def take(row: Refund, *, reason: str, by: str, now: datetime, **_seen: Any) -> str:
        try:
            done = use_case(refund_id=row.pk, reason=reason, by=by, now=now)
        except refunds.UnableToRefund as error:
            raise Unable(str(_HINDRANCES.get(error.code, error.code))) from None
        except IllegalMove:
            raise Unable(_("그사이 다른 사람이 처리했어요.")) from None
        if done.state == RefundState.FAILED:
            return _("큰 금액이라 다른 사람이 확정해야 해요. 제안해 두었어요.")
        return str(said)

    return take


def _retry_means(refund: Refund) -> str:
    amount = won(refund.amount_won)
    if refund.route == Route.BANK:
        return _("{won}을 고객의 계좌로 다시 보내요.").format(won=amount)
    return _(
        "{won}을 통신사로 다시 보내요. 마감이 지났으면 계좌 환불로 바뀌고 고객에게 계좌를 물어요."
    ).format(won=amount)


def _bank_means(refund: Refund) -> str:
    return _("통신사 취소를 그만두고, {won}을 받을 계좌를 고객에게 물어요.").format(
        won=won(refund.amount_won)
    )


@admin.register(FailedRefund)
class FailedRefundAdmin(Stepping):
    """Those that failed and wait, the oldest on top."""

    list_display = (
        RefundAdmin.list_display[0],
        column("merchant", gettext_lazy("판매자"), lambda row: row.merchant.name),
        RefundAdmin.list_display[3],
        RefundAdmin.list_display[4],
        column("why", gettext_lazy("까닭"), _why),
        column("failed", gettext_lazy("실패한 때"), _failed_at),
        column(
            "responsible",
            gettext_lazy("맡은 사람"),
            lambda row: admin_owners.owner_of(f"refund:{row.pk}"),
        ),
        column("next", gettext_lazy("할 일"), _next),
    )
    list_filter = (
        heap_filter(
            gettext_lazy("상태"),
            gettext_lazy("처리할 것"),
            gettext_lazy("처리함"),
            Q(state=RefundState.FAILED),
        ),
        ("merchant", MerchantFilter),
    )
    list_select_related = ("payment__merchant", "merchant")
    search_fields = ("payment__reference__iexact",)
    search_help_text = gettext_lazy("결제 번호")
    ordering = ("pk",)
    details = (*RefundAdmin.details[:4], *list_display[4:6], *RefundAdmin.details[4:])
    about = "refund"
    steps = (
        Step(
            name="retry",
            title=gettext_lazy("다시 보내기"),
            permission="payments.change_failedrefund",
            means=_retry_means,
            closed=_closed,
            take=_through(refunds.retry, gettext_lazy("다시 보내고 있어요.")),
        ),
        Step(
            name="bank",
            title=gettext_lazy("계좌 환불로 바꾸기"),
            permission="payments.change_failedrefund",
            means=_bank_means,
            closed=lambda row: NOT_OFFERED if row.route == Route.BANK else _closed(row),
            take=_through(refunds.use_bank, gettext_lazy("고객에게 계좌를 묻고 있어요.")),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[FailedRefund]:
        """Whatever failed once, so that a page stays where its link led."""
        failed = RefundEvent.objects.filter(refund=OuterRef("pk"), to_state=RefundState.FAILED)
        return super().get_queryset(request).filter(Exists(failed))

    def proposal_of(self, row: Any, step: Step) -> tuple[str, str]:
        """Both ways on are decisions about the refund."""
        return f"refund.{'use_bank' if step.name == 'bank' else step.name}", f"refund:{row.pk}"
