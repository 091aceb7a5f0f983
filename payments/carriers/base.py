"""What every operator can be asked, what it answers, and the three ways it can go wrong."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol


class Declined(Exception):
    """The operator said no: `code` is ours (payments/declines.py), `detail` its own words."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class Unreachable(Exception):
    """Certainly nothing happened at the operator; the call may be repeated."""


class OutcomeUnknown(Exception):
    """Something may have happened; only asking tells."""


class AlreadyCharged(OutcomeUnknown):
    """A reservation that was to be dropped is charged: only a refund takes it back."""


@dataclass(frozen=True)
class Order:
    """What is put on the bill."""

    order_ref: str
    reference: str
    amount_won: int
    item_name: str
    merchant_name: str
    merchant_slug: str


@dataclass(frozen=True)
class Prepared:
    """A reservation. `action` is `validate` (a code), `open` (a link) or empty (nothing to do)."""

    carrier_payment_id: str
    action: str
    authorization_id: str


@dataclass(frozen=True)
class PaymentStatus:
    """What the operator's books say; `status` in the words of Carrier Billing 0.5."""

    carrier_payment_id: str
    status: str
    amount_won: int
    order_ref: str
    carrier_tx: str
    paid_at: datetime | None


@dataclass(frozen=True)
class CarrierRefund:
    """What is taken off the bill again: all of the charge, or `part_won` of it."""

    order_ref: str
    reference: str
    part_won: int | None
    item_name: str


@dataclass(frozen=True)
class RefundStatus:
    """What the operator's books say of a refund: processing, succeeded or denied."""

    carrier_refund_id: str
    status: str


class Adapter(Protocol):
    """The verbs of an operator. Each may raise Declined, Unreachable or OutcomeUnknown."""

    def match_birthdate(self, phone: str, birthdate: date) -> bool | None:
        """Whether the line's owner was born then; None when the operator cannot say."""

    def is_of_age(self, phone: str, age: int) -> bool | None:
        """Whether the owner has turned `age`; None when the operator cannot say."""

    def is_sim_swapped(self, phone: str, hours: int) -> bool:
        """Whether the SIM changed within the latest `hours`."""

    def prepare(self, phone: str, order: Order) -> Prepared:
        """Reserve the amount; the operator texts the line. Idempotent by `order_ref`."""

    def validate(self, carrier_payment_id: str, authorization_id: str, code: str) -> None:
        """Check the code; Declined CODE_INVALID, CODE_EXPIRED or CODE_ATTEMPTS_EXCEEDED."""

    def confirm(self, carrier_payment_id: str, phone: str) -> PaymentStatus:
        """Charge the reservation and read back what became of it."""

    def cancel(self, carrier_payment_id: str, phone: str) -> None:
        """Drop a reservation; one that is already gone is fine, one that is charged is not:
        AlreadyCharged.
        """

    def retrieve(self, carrier_payment_id: str) -> PaymentStatus:
        """What the operator knows of a payment."""

    def find(self, order_ref: str, since: datetime) -> PaymentStatus | None:
        """The payment of a call whose answer was lost; None when the operator has none."""

    def refund(self, carrier_payment_id: str, wanted: CarrierRefund) -> RefundStatus:
        """Cancel a charge, part or whole. Idempotent by `order_ref`."""

    def find_refund(self, carrier_payment_id: str, order_ref: str) -> RefundStatus | None:
        """The refund of a call whose answer was lost; None when the operator has none."""


def stopwatch(now: datetime) -> Callable[[], datetime]:
    """A clock for one call: what time it is when the answer to a call begun at `now` is back."""
    started = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - started)
