"""Everything that happened to one payment, in one order: moves, refunds, messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments import standing
from payments.models import Message, Payment, PaymentEvent, Refund, RefundEvent
from payments.templatetags.won import won

# Whoever acts at the desk is the desk: a merchant does not see agents' names.
_ACTORS = {
    "shopper": gettext_lazy("구매자"),
    "carrier": gettext_lazy("통신사"),
    "link": gettext_lazy("문자 링크"),
    "clock": gettext_lazy("시간"),
    "limit": gettext_lazy("자동"),
    "owner": gettext_lazy("명의자"),
    "risk": gettext_lazy("자동"),
    "worker": gettext_lazy("자동"),
    "resolver": gettext_lazy("자동 확인"),
}
# A code is between the shopper and us.
_MESSAGES = {kind: words for kind, words in standing.MESSAGES.items() if kind != "verification"}


@dataclass(frozen=True)
class Moment:
    """One thing that happened."""

    at: datetime
    text: str
    tone: str
    note: str | Promise = ""


def moments(payment: Payment, refunds: Iterable[Refund]) -> list[Moment]:
    """The payment's history, oldest first. Three statements, whatever its length."""
    opened = Moment(payment.created_at, _("결제창이 열림"), "note")
    moves = [_of_move(event) for event in payment.events.order_by("id")]
    by_refund = {refund.pk: refund for refund in refunds}
    returns = [
        _of_return(event, by_refund[event.refund_id])
        for event in RefundEvent.objects.filter(refund__in=by_refund).order_by("id")
    ]
    sent = payment.messages.filter(kind__in=_MESSAGES).order_by("id")
    messages = [_of_message(message) for message in sent]
    used = [Moment(payment.used_at, _("상품을 처음 사용함"), "note")] if payment.used_at else []
    return sorted([opened, *moves, *used, *returns, *messages], key=lambda moment: moment.at)


def _actor(name: str) -> str | Promise:
    return _ACTORS.get(name, _("고객센터"))


def _of_move(event: PaymentEvent) -> Moment:
    stands = standing.of_payment_state(event.to_state)
    return Moment(event.occurred_at, str(stands.text), stands.tone, _actor(event.actor))


def _of_return(event: RefundEvent, refund: Refund) -> Moment:
    stands = standing.of_refund_state(event.to_state)
    text = _("환불 %(amount)s: %(state)s") % {
        "amount": won(refund.amount_won),
        "state": stands.text,
    }
    return Moment(event.occurred_at, text, stands.tone, _actor(event.actor))


def _of_message(message: Message) -> Moment:
    channel = _("문자") if message.channel == Message.Channel.SMS else _("이메일")
    text = f"{_MESSAGES[message.kind]} · {channel} {message.to_masked}"
    if message.done_at:
        return Moment(message.done_at, text, "done", _("보냄"))
    if message.dead_at:
        return Moment(message.dead_at, text, "bad", _("보내지 못함"))
    return Moment(message.created_at, text, "wait", _("보내는 중"))
