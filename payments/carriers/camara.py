"""An operator that speaks CAMARA: Carrier Billing 0.5, its Refund 0.3, KYC Match 0.4, Age
Verification 0.2 and SIM Swap 2.1.

Every answer falls into one of three classes: content (the operator decided), network (nothing was
sent, or the answer is lost) and server (it failed). Anything unclear about a call that may have
moved money is OutcomeUnknown, never a refusal.
"""

import contextlib
import json
from datetime import date, datetime, timedelta
from typing import Any

import httpx2
from django.utils import timezone

from payments import declines, encryption
from payments.carriers.base import (
    AlreadyCharged,
    CarrierRefund,
    Declined,
    Order,
    OutcomeUnknown,
    PaymentStatus,
    Prepared,
    RefundStatus,
    Unreachable,
)

CONNECT_SECONDS = 2.0
READ_SECONDS = 8.0
QUERY_SECONDS = 5.0

# Codes of the standard that say more than "no"; the precise cause comes in the message.
_CODES = {
    "CARRIER_BILLING.INVALID_CODE": "CODE_INVALID",
    "CARRIER_BILLING.INVALID_AUTHORIZATION_ID": "CODE_EXPIRED",
    "CARRIER_BILLING.VALIDATION_FAILED": "CODE_ATTEMPTS_EXCEEDED",
    "CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED": "LIMIT_MONTHLY",
    "CARRIER_BILLING.UNAUTHORIZED_AMOUNT": "LIMIT_PER_PAYMENT",
    "IDENTIFIER_NOT_FOUND": "CARRIER_MISMATCH",
    "SERVICE_NOT_APPLICABLE": "RESTRICTED_PLAN",
}
# Our own key has run out, or we asked too often: of such a call nothing happened, and of the payer
# it says nothing.
_NOT_TAKEN = frozenset({401, 429})
_TRISTATE = {"true": True, "false": False}


class Camara:
    """One operator's API; satisfies `base.Adapter`."""

    def __init__(self, *, api_root: str, token: str, sink: str) -> None:
        self._billing = f"{api_root}/carrier-billing/v0.5"
        self._refunds = f"{api_root}/carrier-billing-refund/v0.3"
        self._match = f"{api_root}/kyc-match/v0.4"
        self._age = f"{api_root}/kyc-age-verification/v0.2"
        self._sim = f"{api_root}/sim-swap/v2"
        self._sink = sink
        self._client = httpx2.Client(
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,
        )

    def match_birthdate(self, phone: str, birthdate: date) -> bool | None:
        """KYC Match: whether the line's owner was born then; None for `not_available`."""
        body = {"phoneNumber": phone, "birthdate": birthdate.isoformat()}
        answer = self._ask("POST", f"{self._match}/match", body)
        return _TRISTATE.get(answer.get("birthdateMatch", ""))

    def is_of_age(self, phone: str, age: int) -> bool | None:
        """KYC Age Verification: whether the owner has turned `age`; None for `not_available`."""
        body = {"phoneNumber": phone, "ageThreshold": age}
        answer = self._ask("POST", f"{self._age}/verify", body)
        return _TRISTATE.get(answer.get("ageCheck", ""))

    def is_sim_swapped(self, phone: str, hours: int) -> bool:
        """SIM Swap: whether the SIM changed within the latest `hours` (1–2400)."""
        body = {"phoneNumber": phone, "maxAge": hours}
        return self._ask("POST", f"{self._sim}/check", body).get("swapped") is True

    def prepare(self, phone: str, order: Order) -> Prepared:
        """preparePayment: reserve the amount. `clientCorrelator` makes a retry harmless."""
        body = {
            "amountTransaction": {
                "phoneNumber": phone,
                "clientCorrelator": order.order_ref,
                "referenceCode": order.reference,
                "paymentAmount": {
                    "chargingInformation": {
                        "amount": order.amount_won,
                        "currency": "KRW",
                        "description": order.item_name,
                        "isTaxIncluded": True,
                    },
                    "chargingMetaData": {
                        "merchantName": order.merchant_name,
                        "merchantIdentifier": order.merchant_slug,
                        "channel": "web",
                    },
                },
            },
            "sink": self._sink,
            "sinkCredential": {
                "credentialType": "ACCESSTOKEN",
                "accessToken": encryption.event_token(order.order_ref),
                "accessTokenExpiresUtc": (timezone.now() + timedelta(days=1)).isoformat(),
                "accessTokenType": "bearer",
            },
        }
        answer = self._change("POST", f"{self._billing}/payments/prepare", body)
        info = answer.get("validationInfo") or {}
        return Prepared(
            carrier_payment_id=_text(answer, "paymentId"),
            action=str(info.get("action", "")),
            authorization_id=str(info.get("authorizationId", "")),
        )

    def validate(self, carrier_payment_id: str, authorization_id: str, code: str) -> None:
        """validatePayment: check the code. One that was validated before counts as right."""
        body = {"authorizationId": authorization_id, "code": code}
        try:
            self._change("POST", f"{self._billing}/payments/{carrier_payment_id}/validate", body)
        except _Conflict:
            return

    def confirm(self, carrier_payment_id: str, phone: str) -> PaymentStatus:
        """confirmPayment, then retrievePayment: 202 only says that the order was taken."""
        url = f"{self._billing}/payments/{carrier_payment_id}/confirm"
        # 409: an earlier try went through; what became of it is read below.
        with contextlib.suppress(_Conflict):
            self._change("POST", url, {"phoneNumber": phone})
        return self._read_after_change(carrier_payment_id)

    def cancel(self, carrier_payment_id: str, phone: str) -> None:
        """cancelPayment: drop a reservation; AlreadyCharged when it turns out to be charged."""
        url = f"{self._billing}/payments/{carrier_payment_id}/cancel"
        try:
            self._change("POST", url, {"phoneNumber": phone})
        except _Conflict as conflict:
            if "CONFIRMED" in conflict.code:
                raise AlreadyCharged("charged already") from conflict

    def retrieve(self, carrier_payment_id: str) -> PaymentStatus:
        """retrievePayment."""
        return _payment_status(self._ask("GET", f"{self._billing}/payments/{carrier_payment_id}"))

    def find(self, order_ref: str, since: datetime) -> PaymentStatus | None:
        """retrievePayments of the time range, searched by `clientCorrelator`: the standard has no
        filter for it.
        """
        page = 1
        while True:
            query = {
                "paymentCreationDate.gte": (since - timedelta(minutes=1)).isoformat(),
                "page": str(page),
                "perPage": "50",
            }
            answers = self._ask("GET", f"{self._billing}/payments", query=query)
            rows = answers if isinstance(answers, list) else []
            for row in rows:
                status = _payment_status(row)
                if status.order_ref == order_ref:
                    return status
            if len(rows) < 50:
                return None
            page += 1

    def refund(self, carrier_payment_id: str, wanted: CarrierRefund) -> RefundStatus:
        """createRefund of type total, or partial with its amount."""
        amount: dict[str, Any] = {}
        if wanted.part_won is not None:
            amount["chargingInformation"] = {
                "amount": wanted.part_won,
                "currency": "KRW",
                "description": wanted.item_name,
                # As it was said when the charge was prepared.
                "isTaxIncluded": True,
            }
        body = {
            "type": "partial" if amount else "total",
            "amountTransaction": {
                "clientCorrelator": wanted.order_ref,
                "referenceCode": wanted.reference,
                "refundAmount": amount,
            },
        }
        url = f"{self._refunds}/payments/{carrier_payment_id}/refunds"
        try:
            return _refund_status(self._change("POST", url, body))
        except _Conflict as conflict:
            raise OutcomeUnknown(conflict.code) from conflict

    def find_refund(self, carrier_payment_id: str, order_ref: str) -> RefundStatus | None:
        """retrieveRefunds of the payment, searched by `clientCorrelator`."""
        rows = self._ask("GET", f"{self._refunds}/payments/{carrier_payment_id}/refunds")
        for row in rows if isinstance(rows, list) else []:
            if row.get("amountTransaction", {}).get("clientCorrelator") == order_ref:
                return _refund_status(row)
        return None

    def _read_after_change(self, carrier_payment_id: str) -> PaymentStatus:
        try:
            return self.retrieve(carrier_payment_id)
        except (Unreachable, Declined) as error:
            raise OutcomeUnknown("confirmed, but not readable") from error

    def _ask(
        self,
        method: str,
        url: str,
        body: object = None,
        query: dict[str, str] | None = None,
    ) -> Any:
        """A call that changes nothing: whatever goes wrong, it may be asked again."""
        try:
            return self._send(method, url, body, query, QUERY_SECONDS)
        except OutcomeUnknown as error:
            raise Unreachable(str(error)) from error

    def _change(self, method: str, url: str, body: object) -> Any:
        return self._send(method, url, body, None, READ_SECONDS)

    def _send(
        self,
        method: str,
        url: str,
        body: object,
        query: dict[str, str] | None,
        seconds: float,
    ) -> Any:
        timeout = httpx2.Timeout(seconds, connect=CONNECT_SECONDS)
        try:
            response = self._client.request(method, url, json=body, params=query, timeout=timeout)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise Unreachable(type(error).__name__) from error
        except httpx2.HTTPError as error:
            raise OutcomeUnknown(type(error).__name__) from error
        return _answer(response)


class _Conflict(Exception):
    """409: it is already so."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _answer(response: httpx2.Response) -> Any:
    if response.status_code == 204 or (response.is_success and not response.content):
        return {}
    try:
        content = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise OutcomeUnknown(f"{response.status_code} without JSON") from error
    if response.is_success:
        return content
    if not isinstance(content, dict):
        raise OutcomeUnknown(f"{response.status_code} without an error object")
    code, message = str(content.get("code", "")), str(content.get("message", ""))
    if response.status_code == 409:
        raise _Conflict(code)
    ours = declines.code_in(message)
    if ours == declines.UNMAPPED:
        ours = _CODES.get(code, declines.UNMAPPED)
    if response.status_code in _NOT_TAKEN and ours == declines.UNMAPPED:
        raise Unreachable(f"{response.status_code} {code}")
    if response.status_code >= 500 and ours == declines.UNMAPPED:
        raise OutcomeUnknown(f"{response.status_code} {code}")
    raise Declined(ours, f"{code} {message}"[:200])


def _text(content: dict[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise OutcomeUnknown(f"answer without {name}")
    return value


def _payment_status(content: dict[str, Any]) -> PaymentStatus:
    order = content.get("amountTransaction") or {}
    charge = (order.get("paymentAmount") or {}).get("chargingInformation") or {}
    paid_at = content.get("paymentDate")
    try:
        return PaymentStatus(
            carrier_payment_id=_text(content, "paymentId"),
            status=_text(content, "paymentStatus"),
            amount_won=int(charge.get("amount", -1)),
            order_ref=str(order.get("clientCorrelator", "")),
            carrier_tx=str(order.get("serverReferenceCode", "")),
            paid_at=datetime.fromisoformat(paid_at) if paid_at else None,
        )
    except (TypeError, ValueError) as error:
        raise OutcomeUnknown("unreadable payment") from error


def _refund_status(content: dict[str, Any]) -> RefundStatus:
    return RefundStatus(_text(content, "refundId"), _text(content, "refundStatus"))
