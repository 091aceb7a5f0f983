"""What a receipt says, once: page and file show the same lines.

The four items of 정보통신망법 §58①: seller and how to reach them, when, what for how much, and
where and how to object.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from payments import calendar, refunds
from payments.calendar import Route
from payments.carriers import registry
from payments.models import Payment, Refund
from payments.states import PaymentState, RefundState
from payments.templatetags.won import moment, month, until, won, won_of


@dataclass(frozen=True)
class Fact:
    """A name and its lines; the first line is the answer, the others stand below it in small."""

    name: str
    lines: tuple[str, ...]


def of_payment(payment: Payment, *, now: datetime) -> list[Fact]:
    """The facts of a payment that was charged."""
    merchant = payment.merchant
    return [
        Fact(_("결제 일시"), (moment(payment.paid_at),)),
        Fact(_("판매자"), (merchant.name, merchant.phone, merchant.email, _(merchant.hours))),
        Fact(_("상품"), (payment.item_name,)),
        Fact(_("금액"), (won(payment.amount_won), _("부가가치세 포함"))),
        Fact(
            _("결제 수단"),
            (_("휴대폰 요금"), f"{_carrier(payment)} {payment.masked_phone}".strip()),
        ),
        Fact(_("청구"), (bill_line(payment),)),
        *_returns(payment),
        Fact(_("결제 번호"), (payment.reference,)),
        Fact(_("취소"), _cancel_lines(payment, now)),
        Fact(
            _("이의신청"),
            (
                _("고객센터 {phone}").format(phone=settings.DESK_PHONE),
                str(settings.DESK_HOURS),
                settings.DESK_EMAIL,
                _("2주 안에 답을 드려요"),
            ),
        ),
    ]


def bill_line(payment: Payment) -> str:
    """Which bill the money is on, or that it is on none."""
    if payment.state != PaymentState.PAID:
        return ""
    name = month(payment.billing_month)
    off_won, sent_won = _off_the_bill_won(payment), _sent_won(payment)
    if off_won == payment.amount_won:
        return _("{month} 요금에서 빠졌어요").format(month=name)
    if sent_won == payment.amount_won:
        return _("계좌로 돌려드렸어요")
    if not off_won:
        return _("{month} 휴대폰 요금에 청구").format(month=name)
    return _("{month} 휴대폰 요금에 {amount} 청구").format(
        month=name, amount=won(payment.amount_won - off_won)
    )


def returned_won(payment: Payment) -> int:
    """Won that came back; reads the prefetched refunds."""
    return _off_the_bill_won(payment) + _sent_won(payment)


def _off_the_bill_won(payment: Payment) -> int:
    return sum(refund.amount_won for refund in _done(payment) if refund.route == Route.CARRIER)


def _sent_won(payment: Payment) -> int:
    return sum(refund.amount_won for refund in _done(payment) if refund.route == Route.BANK)


def _done(payment: Payment) -> Iterable[Refund]:
    return (row for row in payment.refunds.all() if row.state == RefundState.SUCCEEDED)


def _returns(payment: Payment) -> list[Fact]:
    off_won, sent_won = _off_the_bill_won(payment), _sent_won(payment)
    if not off_won + sent_won:
        return []
    name = month(payment.billing_month)
    ways = (
        _("{month} 요금에서 {amount} 빠졌어요").format(month=name, amount=won(off_won))
        if off_won
        else "",
        _("계좌로 {amount} 보냈어요").format(amount=won(sent_won)) if sent_won else "",
    )
    return [Fact(_("돌려받은 금액"), (won_of(off_won + sent_won, payment.amount_won), *ways))]


def _carrier(payment: Payment) -> str:
    return str(registry.carrier(payment.carrier).name) if payment.carrier else ""


def _cancel_lines(payment: Payment, now: datetime) -> tuple[str, ...]:
    if returned_won(payment) >= payment.amount_won:
        return (_("모두 돌려드렸어요"),)
    verdict = refunds.verdict(payment, now)
    if verdict.route is None:
        return (_("고객센터에 물어봐 주세요"),)
    if verdict.route == calendar.Route.CARRIER:
        return (
            _("{until}까지 요금에서 취소").format(until=until(verdict.deadline)),
            _("그 뒤에는 본인 계좌로 돌려드려요"),
        )
    return (_("본인 계좌로 돌려드려요"),)
