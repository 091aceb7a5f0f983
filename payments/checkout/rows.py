"""What the steps of a checkout share: the locked row, the end of a payment, the errors."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from payments import calendar, money
from payments.carriers.base import PaymentStatus
from payments.limits import Scope
from payments.models import (
    Account,
    CarrierCall,
    FeeTerm,
    LedgerTransaction,
    LimitHold,
    LineRules,
    Payment,
    RiskCount,
)
from payments.models.ledger import Line
from payments.states import PaymentState

# How long calls may be out before the row is looked at again: longer than all their timeouts.
CALL_GRACE = timedelta(seconds=30)
# How often an unanswered confirmation is looked up, should the operator's event get lost.
AWAITING_CHECK = timedelta(seconds=15)


class WrongStep(Exception):
    """The payment is not in the state this step starts from; carries where it is."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class InProgress(Exception):
    """The same step is being carried out right now, by a double click or another tab."""


class WindowClosed(Exception):
    """The time for this payment ran out; nothing was charged."""


class CarrierSilent(Exception):
    """The operator could not be asked; nothing was charged, the step may be repeated."""


class Refused(Exception):
    """The operator or a limit said no; `code` is of payments/declines.py."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def locked(payment_id: int) -> Payment:
    """The payment's row, locked against every other step, callback and check of it.

    `has_strays`: a reservation of it may lie with the operator that no step will use, because an
    answer or a release got lost. `is_swept`: somebody guesses over all numbers right now.
    """
    return (
        Payment.objects.select_for_update(of=("self",), no_key=True)
        .select_related("merchant")
        .annotate(
            fee_terms=FeeTerm.beside_payment(),
            has_line_rules=LineRules.beside_payment(),
            has_strays=Exists(strays()),
            is_swept=RiskCount.is_swept(),
        )
        .get(pk=payment_id)
    )


def locked_in(state: PaymentState, payment_id: int, *, now: datetime) -> Payment:
    """The locked row, if it is in this state and its time is not up.

    Raises WrongStep or WindowClosed.
    """
    payment = locked(payment_id)
    if payment.state != state:
        raise WrongStep(payment.state)
    if now >= payment.expires_at:
        raise WindowClosed
    return payment


def finish(
    payment: Payment,
    target: PaymentState,
    *,
    at: datetime,
    by: str,
    code: str = "",
    reason: str = "",
    release: CarrierCall | None = None,
) -> None:
    """End a payment without a charge and announce it.

    `reason` is a person's, in words; without one the history says the code. With a `release` still
    to be carried out the row is looked at again, should the process die.
    """
    payment.failure_code = code
    payment.check_at = at + CALL_GRACE if release else _last_look(payment, at=at)
    LimitHold.release(payment)
    payment.move_to(target, at=at, by=by, reason=reason[:200] or code)


def charge(
    payment: Payment, status: PaymentStatus, *, at: datetime, by: str, reason: str = ""
) -> None:
    """Take over a charge the operator made: state, ledger and announcement in one commit.

    The caller has compared the amount. Raises Overtaken when somebody took it over before.
    """
    payment.paid_at = status.paid_at or at
    payment.billing_month = calendar.billing_month(payment.paid_at)
    payment.carrier_tx = status.carrier_tx
    payment.check_at = _last_look(payment, at=at)
    payment.move_to(PaymentState.PAID, at=at, by=by, reason=reason[:200])
    fee_bps = FeeTerm.bps_of(payment, status.paid_at or at)
    fee = money.fee_for(payment.amount_won, fee_bps)
    LedgerTransaction.post(
        LedgerTransaction.Kind.PAID,
        [
            Line(Account.CARRIER_RECEIVABLE, payment.amount_won),
            Line(Account.MERCHANT_PAYABLE, fee.total_won - payment.amount_won),
            Line(Account.FEE_REVENUE, -fee.fee_won),
            Line(Account.VAT_PAYABLE, -fee.fee_vat_won),
        ],
        payment=payment,
        at=payment.paid_at,
    )
    if payment.billing_month != calendar.billing_month(payment.created_at):
        # The month turned between the window and the charge: the line's new month carries it.
        LimitHold.release(payment)
        LimitHold.take(payment, {Scope.LINE_MONTH: payment.amount_won}, at=payment.paid_at)


def close_open_calls(payment: Payment, *, at: datetime) -> None:
    """What was asked of the operator is answered by what its books say now."""
    payment.calls.filter(
        kind__in=[CarrierCall.Kind.VALIDATE, CarrierCall.Kind.CONFIRM],
        state__in=[CarrierCall.State.SENT, CarrierCall.State.UNKNOWN],
    ).update(state=CarrierCall.State.RESOLVED, resolved_at=at)


def become_unknown(payment: Payment, *, at: datetime, by: str) -> None:
    """Nobody knows whether money moved: ask soon, tell the shopper to wait."""
    payment.unknown_at = at
    payment.checks = 0
    payment.check_at = at + timedelta(seconds=settings.RESOLVE_FIRST_SECONDS)
    payment.move_to(PaymentState.UNKNOWN, at=at, by=by)


def intend_release(payment: Payment, *, now: datetime) -> CarrierCall | None:
    """The intent to drop the payment's reservation; None when it holds none.

    The caller holds the lock, commits, and then calls `releasing.release`; if it never does, the
    resolver finds the row through `check_at`.
    """
    if not payment.carrier_payment_id:
        return None
    call = CarrierCall.objects.create(
        payment=payment,
        kind=CarrierCall.Kind.REVERSE,
        carrier_tx=payment.carrier_payment_id,
        sent_at=now,
    )
    payment.carrier_payment_id = payment.authorization_id = payment.validation_action = ""
    return call


def _last_look(payment: Payment, *, at: datetime) -> datetime | None:
    """When a payment that ends is looked at once more; never, unless it leaves something behind."""
    has_strays: bool = payment.has_strays  # type: ignore[attr-defined]
    return at + CALL_GRACE if has_strays else None


def strays() -> QuerySet[CarrierCall]:
    """Calls of a payment that may have left, or left, a reservation no step will use."""
    return CarrierCall.objects.filter(
        payment=OuterRef("pk"),
        kind__in=[CarrierCall.Kind.PREPARE, CarrierCall.Kind.REVERSE],
        state__in=[CarrierCall.State.SENT, CarrierCall.State.UNKNOWN],
    )
