"""Where a payment or a refund stands, in the words and colours merchants and agents see."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from payments.models import Payment, Refund
from payments.states import PaymentState, PayoutState, RefundState

Words = str | Promise


@dataclass(frozen=True)
class Standing:
    """A chip: its words and its tone (done, wait, bad, note)."""

    text: Words
    tone: str


_P, _R, _O = PaymentState, RefundState, PayoutState
PAYMENTS = {
    _P.CREATED: Standing(_("입력 전"), "note"),
    _P.AWAITING_CONFIRMATION: Standing(_("확인 대기"), "wait"),
    _P.CONFIRMING: Standing(_("확인 중"), "wait"),
    _P.PAID: Standing(_("결제됨"), "done"),
    _P.DECLINED: Standing(_("거절됨"), "note"),
    _P.EXPIRED: Standing(_("시간 지남"), "note"),
    _P.CANCELED: Standing(_("그만둠"), "note"),
    _P.UNKNOWN: Standing(_("통신사에 확인 중"), "wait"),
    _P.REVERSED: Standing(_("청구 안 됨"), "note"),
    _P.REVIEW: Standing(_("담당자 확인 중"), "wait"),
}
REFUNDS = {
    _R.REQUESTED: Standing(_("접수됨"), "wait"),
    _R.SCHEDULED: Standing(_("보낼 예정"), "wait"),
    _R.AWAITING_ACCOUNT: Standing(_("계좌 기다림"), "wait"),
    _R.SENDING: Standing(_("보내는 중"), "wait"),
    _R.UNKNOWN: Standing(_("확인 중"), "wait"),
    _R.SUCCEEDED: Standing(_("환불됨"), "done"),
    _R.FAILED: Standing(_("환불 안 됨"), "bad"),
    _R.WITHDRAWN: Standing(_("요청 거둠"), "note"),
}
PAYOUTS = {
    _O.SCHEDULED: Standing(_("보낼 예정"), "wait"),
    _O.SENDING: Standing(_("보내는 중"), "wait"),
    _O.UNKNOWN: Standing(_("은행에 확인 중"), "wait"),
    _O.PAID: Standing(_("보냄"), "done"),
    _O.FAILED: Standing(_("보내지 못함"), "bad"),
    _O.CANCELED: Standing(_("보류"), "note"),
}
# What a text or mail is about, by the name of its template.
MESSAGES = {
    "verification": _("인증번호"),
    "paid": _("영수증"),
    "billing": _("청구 안내"),
    "reversed": _("청구되지 않았다는 안내"),
    "refunded": _("환불 안내"),
    "ticket_received": _("요청 접수 안내"),
    "ticket_approved": _("취소 승인 안내"),
    "ticket_rejected": _("요청 거절 안내"),
    "ticket_resolved": _("요청 결과 안내"),
    "ticket_answered": _("요청에 대한 답"),
    "ticket_account_needed": _("환불 계좌 요청"),
    "ticket_question": _("고객에게 보낸 질문"),
    "ticket_duplicate": _("같은 요청 안내"),
    "ticket_reopened": _("다시 확인한다는 안내"),
    "ticket_referred": _("판매자에게 보낸 질문"),
    "line_changed": _("차단과 한도 안내"),
}
# Why a payment was declined, in three words; the window says it to the shopper at length.
_REASONS = {
    "LIMIT_MONTHLY": _("한도 초과로 거절"),
    "LIMIT_PER_PAYMENT": _("한도 초과로 거절"),
    "LIMIT_MERCHANT": _("한도 초과로 거절"),
    "LIMIT_CATEGORY": _("한도 초과로 거절"),
    "UNPAID_BILL": _("요금 미납으로 거절"),
    "LONG_OVERDUE": _("요금 미납으로 거절"),
    "CODE_ATTEMPTS_EXCEEDED": _("인증번호 5번 틀림"),
    "UNDER_AGE": _("나이 제한으로 거절"),
    "UNDER_14": _("나이 제한으로 거절"),
    "CARRIER_MAINTENANCE": _("통신사 점검"),
    "SMS_SEND_FAILED": _("문자를 못 보냄"),
}


def of_payment(payment: Payment, refunds: Iterable[Refund]) -> Standing:
    """Where the payment stands, its refunds counted in."""
    if payment.state == _P.DECLINED and payment.failure_code in _REASONS:
        return Standing(_REASONS[payment.failure_code], "note")
    if payment.state != _P.PAID:
        return PAYMENTS[PaymentState(payment.state)]
    open_, back_won, has_failed = False, 0, False
    for refund in refunds:
        state = RefundState(refund.state)
        back_won += refund.amount_won if state == _R.SUCCEEDED else 0
        has_failed = has_failed or state == _R.FAILED
        open_ = open_ or state not in {_R.SUCCEEDED, _R.WITHDRAWN, _R.FAILED}
    if open_:
        return Standing(_("취소 중"), "wait")
    if back_won >= payment.amount_won:
        return Standing(_("환불됨"), "done")
    if has_failed:
        return Standing(_("환불 확인 중"), "bad")
    return Standing(_("일부 환불됨"), "done") if back_won else PAYMENTS[_P.PAID]


def of_payment_state(state: str) -> Standing:
    """Where a payment stood at one moment of its history."""
    return PAYMENTS[PaymentState(state)]


def of_refund_state(state: str) -> Standing:
    """Where a refund stands."""
    return REFUNDS[RefundState(state)]


def of_payout_state(state: str) -> Standing:
    """Where the payout of a settlement stands."""
    return PAYOUTS[PayoutState(state)]
