"""Which step of the window a payment is in, and everything that step's page shows.

Looks at the rows only; the views in shopper.py decide when to show it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments import calendar, checkout, subscriber
from payments.carriers import registry
from payments.checkout.own_rules import OWNER
from payments.checkout.rows import CALL_GRACE
from payments.forms import CodeForm, LineForm, PinForm
from payments.models import CarrierCall, Payment, PaymentEvent, SecondFactor
from payments.states import REFUND_FINAL, REFUND_HOLDS_MONEY, PaymentState, RefundState
from payments.templatetags.won import month
from payments.views.words import OWN_CODES, SESSION_EXPIRED, Helper, own_words_for, words_for

# After so long a wait the page says that it may be closed.
LONG_WAIT_SECONDS = 30
# The sandbox operator's lines come with it, as its own page of phones says.
SANDBOX_PIN = "135790"
_CHECKING = (PaymentState.CONFIRMING, PaymentState.UNKNOWN)
_OPEN = (PaymentState.CREATED, PaymentState.AWAITING_CONFIRMATION)
_STAMPS = {
    "code": (gettext_lazy("확인 대기"), "wait"),
    "link": (gettext_lazy("확인 대기"), "wait"),
    "closing": (gettext_lazy("확인 중"), "wait"),
    "waiting": (gettext_lazy("확인 중"), "wait"),
    "review": (gettext_lazy("확인 중"), "wait"),
    "paid": (gettext_lazy("결제됨"), "done"),
    "ended": (gettext_lazy("결제 안 됨"), "bad"),
}
_HEADINGS = {
    PaymentState.CANCELED: gettext_lazy("결제를 그만두었어요"),
    PaymentState.EXPIRED: gettext_lazy("결제 시간이 지났어요"),
    PaymentState.REVERSED: gettext_lazy("결제가 이루어지지 않았어요"),
}


@dataclass(frozen=True)
class Ending:
    """How a payment ended without a charge: what happened, what to do, and who can help."""

    heading: str | Promise
    message: str | Promise
    next: str | Promise
    helper: Helper
    may_open_again: bool


def step_of(payment: Payment, now: datetime) -> str:
    """The step: details, pin, preparing, code, link, closing, waiting, review, paid or ended."""
    if payment.state in _CHECKING:
        return "waiting"
    if payment.state == PaymentState.REVIEW:
        return "review"
    if payment.state == PaymentState.PAID:
        return "paid"
    if payment.state not in _OPEN:
        return "ended"
    if now >= payment.expires_at:
        # A link may have been confirmed in the last second: only the worker's question ends it.
        return "closing"
    if payment.state == PaymentState.CREATED:
        if SecondFactor.owed_by(payment):
            return "pin"
        return "preparing" if _is_preparing(payment, now) else "details"
    return "link" if payment.validation_action == "open" else "code"


def facts_of(payment: Payment, *, now: datetime, form: Any = None) -> dict[str, Any]:
    """What the page of the payment's step shows; `form` is what was typed, if anything.

    The payment was read with its `refund_rows` (`Refund.beside_payment`).
    """
    step = step_of(payment, now)
    return {
        "payment": payment,
        "merchant": payment.merchant,
        "step": step,
        "fragment": f"payments/shopper/_{step}.html",
        "carrier_name": str(registry.carrier(payment.carrier).name) if payment.carrier else "",
        "bill_label": _bill_label(step, payment, now),
        "stamp": _stamp(step),
        **_details_of(step, payment, form, now),
    }


def resend_wait_seconds(payment: Payment, now: datetime) -> int:
    """How long until a new text may be asked for; 0 when it may be now."""
    again_at = payment.challenge.sent_at + timedelta(seconds=settings.CODE_RESEND_SECONDS)
    return max(0, int((again_at - now).total_seconds()) + 1) if again_at > now else 0


def _details_of(step: str, payment: Payment, form: Any, now: datetime) -> dict[str, Any]:
    if step == "details":
        today = now.astimezone(calendar.SEOUL).date()
        return {
            "form": form or LineForm(today=today),
            "carriers": registry.carriers(),
            "cancel_until": registry.cancel_until(now),
            **_time_left(payment, now),
        }
    if step == "pin":
        return {
            "form": form or PinForm(),
            **_pin_facts(payment),
            **_time_left(payment, now),
        }
    if step == "code":
        return {
            "form": form or CodeForm(),
            **_text_facts(payment, now),
            **_code_facts(payment, now),
            **_time_left(payment, now),
        }
    if step == "link":
        return {**_text_facts(payment, now), **_time_left(payment, now)}
    if step == "waiting":
        return {"long_wait_in": _long_wait_in(payment, now)}
    if step == "paid":
        return _receipt_facts(payment, now)
    return {"ending": _ending(payment, now)} if step == "ended" else {}


def _is_preparing(payment: Payment, now: datetime) -> bool:
    return (
        bool(payment.phone_bidx)
        and CarrierCall.objects.filter(
            payment=payment,
            kind=CarrierCall.Kind.PREPARE,
            state=CarrierCall.State.SENT,
            sent_at__gt=now - CALL_GRACE,
        ).exists()
    )


def _time_left(payment: Payment, now: datetime) -> dict[str, Any]:
    return {
        "window_seconds_left": max(0, int((payment.expires_at - now).total_seconds())),
        "extensions_left": checkout.extensions_left(payment),
        "extend_minutes": settings.WINDOW_EXTEND_SECONDS // 60,
    }


def _text_facts(payment: Payment, now: datetime) -> dict[str, Any]:
    return {
        "resend_in_seconds": resend_wait_seconds(payment, now),
        "resends_left": max(0, settings.CODE_RESENDS - payment.resends),
        # The sandbox's phones can be looked at; only the browser that named this one gets here.
        "sandbox_phone": subscriber.national(payment.phone) if settings.SANDBOX else "",
    }


def _code_facts(payment: Payment, now: datetime) -> dict[str, Any]:
    challenge = payment.challenge
    return {
        "tries_left": max(0, settings.CODE_ATTEMPTS - challenge.attempts),
        "has_tried": challenge.attempts > 0,
        "code_expires_at": challenge.expires_at,
        "code_seconds_left": max(0, int((challenge.expires_at - now).total_seconds())),
    }


def _pin_facts(payment: Payment) -> dict[str, Any]:
    attempts = payment.second_factor.attempts
    return {
        "tries_left": max(0, settings.PIN_ATTEMPTS - attempts),
        "has_tried": attempts > 0,
        "sandbox_pin": SANDBOX_PIN if settings.SANDBOX else "",
    }


def _long_wait_in(payment: Payment, now: datetime) -> int:
    """Seconds until the wait counts as long; 0 when it does already."""
    last = PaymentEvent.objects.filter(payment=payment).order_by("pk")
    begun = last.filter(to_state=PaymentState.CONFIRMING).values_list("occurred_at", flat=True)
    waited = (now - begun[0]).total_seconds() if begun else 0.0
    return max(0, LONG_WAIT_SECONDS - int(waited))


def _bill_label(step: str, payment: Payment, now: datetime) -> str:
    if step == "closing":
        return ""
    if step == "ended":
        return _("청구되지 않아요")
    name = month(payment.billing_month or calendar.billing_month(now))
    return _("%(month)s 휴대폰 요금에 청구") % {"month": name}


def _stamp(step: str) -> dict[str, str | Promise] | None:
    if step not in _STAMPS:
        return None
    text, tone = _STAMPS[step]
    return {"text": text, "tone": tone}


def _receipt_facts(payment: Payment, now: datetime) -> dict[str, Any]:
    """Until when it can be cancelled, or how far the money is on its way back."""
    rows: list[dict[str, Any]] = payment.refund_rows  # type: ignore[attr-defined]
    done = [row for row in rows if row["state"] == RefundState.SUCCEEDED]
    returned_won = sum(row["won"] for row in done)
    off_the_bill_won = sum(row["won"] for row in done if row["route"] == calendar.Route.CARRIER)
    facts = {
        "cancel_until": _cancel_until(payment, payment.amount_won - returned_won, now),
        "giving_back": "",
        "returned_won": returned_won,
        "billed_won": payment.amount_won - off_the_bill_won,
    }
    if any(row["state"] in REFUND_HOLDS_MONEY - REFUND_FINAL for row in rows):
        return facts | {"giving_back": "now", "stamp": {"text": _("취소 중"), "tone": "note"}}
    if returned_won >= payment.amount_won:
        return facts | {"giving_back": "done", "stamp": {"text": _("환불됨"), "tone": "done"}}
    if returned_won:
        return facts | {"stamp": {"text": _("일부 환불됨"), "tone": "done"}}
    return facts


def _cancel_until(payment: Payment, left_won: int, now: datetime) -> datetime | None:
    """The last moment the operator takes a cancel; None when it is over or was never to be."""
    if payment.paid_at is None:
        return None
    capabilities, policy = registry.capabilities(payment.carrier), payment.merchant.policy
    verdict = calendar.refund_route(payment, now, capabilities, policy, remaining_won=left_won)
    return verdict.deadline


def _is_refused_by_owner(payment: Payment) -> bool:
    """Whether the line's holder forbade it with us, and not the operator."""
    return (
        payment.state == PaymentState.DECLINED
        and payment.failure_code in OWN_CODES
        and payment.events.filter(to_state=PaymentState.DECLINED, actor=OWNER).exists()
    )


def _ending(payment: Payment, now: datetime) -> Ending:
    code = payment.failure_code or SESSION_EXPIRED
    words = own_words_for(code) if _is_refused_by_owner(payment) else words_for(code)
    return Ending(
        heading=_HEADINGS.get(PaymentState(payment.state), _("결제할 수 없었어요")),
        message=words.message,
        next=words.next,
        helper=words.helper,
        may_open_again=checkout.may_open_again(payment, now=now),
    )
