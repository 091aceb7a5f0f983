"""What happened to a payment, told to whoever paid: in sentences, oldest first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.calendar import Route
from payments.checkout.own_rules import OWNER
from payments.models import Message, Payment, PaymentEvent, Refund, RefundEvent
from payments.states import PaymentState, RefundState
from payments.templatetags.won import month, won
from payments.views.words import own_words_for, words_for

_MESSAGES = {
    "paid": gettext_lazy("영수증을 보냈어요"),
    "reversed": gettext_lazy("청구되지 않았다고 알려드렸어요"),
    "refunded": gettext_lazy("돌려드렸다고 알려드렸어요"),
    "ticket_received": gettext_lazy("요청을 받았다고 알려드렸어요"),
    "ticket_approved": gettext_lazy("취소가 승인됐다고 알려드렸어요"),
    "ticket_rejected": gettext_lazy("취소하지 못한 이유를 알려드렸어요"),
    "ticket_resolved": gettext_lazy("취소가 끝났다고 알려드렸어요"),
    "ticket_account_needed": gettext_lazy("받으실 계좌를 여쭤봤어요"),
}


@dataclass(frozen=True)
class Happening:
    """One sentence and its moment; `note` is small print."""

    at: datetime
    text: str | Promise
    note: str | Promise = ""


def of_payment(payment: Payment, refunds: Iterable[Refund]) -> list[Happening]:
    """The story so far. Four statements, whatever its length."""
    told = [Happening(payment.created_at, _("결제창을 열었어요"), payment.merchant.name)]
    told += _moves(payment)
    if payment.used_at is not None:
        told.append(Happening(payment.used_at, _("상품을 쓰기 시작했어요")))
    by_pk = {refund.pk: refund for refund in refunds}
    for event in RefundEvent.objects.filter(refund__in=by_pk).order_by("id"):
        if text := _of_return(event, by_pk[event.refund_id]):
            told.append(Happening(event.occurred_at, text))
    for ticket in payment.tickets.order_by("id"):
        told.append(
            Happening(ticket.accepted_at, _("취소를 요청했어요"), ticket.number)
            if ticket.kind == "C"
            else Happening(ticket.accepted_at, _("내가 결제하지 않았다고 알렸어요"), ticket.number)
        )
    sent = payment.messages.filter(kind__in=_MESSAGES, done_at__isnull=False).order_by("id")
    told += [
        Happening(message.done_at, *_of_message(message)) for message in sent if message.done_at
    ]
    return sorted(told, key=lambda happening: happening.at)


def _moves(payment: Payment) -> Iterable[Happening]:
    for event in payment.events.order_by("id"):
        if text := _of_move(payment, event):
            note = ""
            if event.to_state == PaymentState.DECLINED:
                words = own_words_for if event.actor == OWNER else words_for
                note = str(words(payment.failure_code).message)
            yield Happening(event.occurred_at, text, note)


def _of_move(payment: Payment, event: PaymentEvent) -> str:
    return {
        PaymentState.AWAITING_CONFIRMATION: _("통신사가 확인 문자를 보냈어요"),
        PaymentState.CONFIRMING: (
            _("문자의 링크로 확인했어요") if event.actor == "link" else _("인증번호를 입력했어요")
        ),
        PaymentState.PAID: _("결제됐어요. {month} 휴대폰 요금에 더해져요").format(
            month=month(payment.billing_month)
        ),
        PaymentState.DECLINED: _("결제되지 않았어요. 돈이 빠져나가지 않았어요"),
        PaymentState.UNKNOWN: _("통신사의 답이 늦어져 확인하기 시작했어요"),
        PaymentState.REVERSED: _("결제되지 않은 것을 확인했어요. 돈이 빠져나가지 않았어요"),
        PaymentState.REVIEW: _("담당자가 확인하기 시작했어요"),
    }.get(PaymentState(event.to_state), "")


def _of_return(event: RefundEvent, refund: Refund) -> str:
    is_bank = refund.route == Route.BANK
    amount = won(refund.amount_won)
    return {
        RefundState.AWAITING_ACCOUNT: _("받으실 계좌를 기다리고 있어요"),
        RefundState.SENDING: (
            _("은행에 {amount}을 보냈어요").format(amount=amount)
            if is_bank
            else _("통신사에 {amount} 취소를 보냈어요").format(amount=amount)
        ),
        RefundState.SUCCEEDED: _("{amount}을 돌려드렸어요").format(amount=amount),
        RefundState.FAILED: _("한 번에 되지 않아 상담원이 확인하고 있어요"),
        RefundState.WITHDRAWN: _("취소 요청을 거두셨어요"),
    }.get(RefundState(event.to_state), "")


def _of_message(message: Message) -> tuple[str | Promise, str]:
    channel = _("문자") if message.channel == Message.Channel.SMS else _("이메일")
    return _MESSAGES[message.kind], f"{channel} {message.to_masked}"
