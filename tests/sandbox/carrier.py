"""A client of the sandbox operator for tests, and the phones of its customers."""

import re
import uuid
from typing import Any

import httpx2

SINK = "https://portal.sandbox.invalid/carrier/events/"
CREDENTIAL = {
    "credentialType": "ACCESSTOKEN",
    "accessToken": "token-of-the-sink",
    "accessTokenExpiresUtc": "2099-01-01T00:00:00Z",
    "accessTokenType": "bearer",
}
BILLING = "/carrier-billing/v0.5"
REFUND = "/carrier-billing-refund/v0.3"


class Carrier:
    """Speaks HTTP to the operator; every helper answers with the raw response."""

    def __init__(self, base_url: str, token: str) -> None:
        self.base_url = base_url
        self.http = httpx2.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,
        )

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return self.http.get(path, **options)

    def post(self, path: str, body: Any, **options: Any) -> httpx2.Response:
        return self.http.post(path, json=body, **options)

    def prepare(self, line: str, root: str = "", **changes: Any) -> httpx2.Response:
        return self.post(f"{root}{BILLING}/payments/prepare", prepare_body(line, **changes))

    def prepared(self, line: str, **changes: Any) -> dict[str, Any]:
        response = self.prepare(line, **changes)
        assert response.status_code == 201, response.text
        return dict(response.json())

    def texts(self, line: str) -> list[dict[str, Any]]:
        return list(self.get(f"/sandbox/phones/0109000{line}/?format=json").json())

    def text_of(self, line: str, payment: dict[str, Any]) -> str:
        wanted = f"code-{payment['paymentId']}"
        return next(str(text["text"]) for text in self.texts(line) if text["id"] == wanted)

    def validate(self, line: str, payment: dict[str, Any], code: str = "") -> httpx2.Response:
        return self.post(
            f"{BILLING}/payments/{payment['paymentId']}/validate",
            {
                "authorizationId": payment["validationInfo"]["authorizationId"],
                "code": code or code_in(self.text_of(line, payment)),
            },
        )

    def reserved(self, line: str, **changes: Any) -> dict[str, Any]:
        payment = self.prepared(line, **changes)
        response = self.validate(line, payment)
        assert response.status_code == 204, response.text
        return payment

    def confirm(self, line: str, payment: dict[str, Any], **options: Any) -> httpx2.Response:
        return self.post(
            f"{BILLING}/payments/{payment['paymentId']}/confirm",
            {"phoneNumber": phone(line)},
            **options,
        )

    def cancel(self, line: str, payment: dict[str, Any]) -> httpx2.Response:
        return self.post(
            f"{BILLING}/payments/{payment['paymentId']}/cancel", {"phoneNumber": phone(line)}
        )

    def paid(self, line: str, **changes: Any) -> dict[str, Any]:
        payment = self.reserved(line, **changes)
        response = self.confirm(line, payment)
        assert response.status_code == 202, response.text
        return payment

    def retrieve(self, payment: dict[str, Any]) -> httpx2.Response:
        return self.get(f"{BILLING}/payments/{payment['paymentId']}")

    def status(self, payment: dict[str, Any]) -> str:
        return str(self.retrieve(payment).json()["paymentStatus"])

    def refund(self, payment: dict[str, Any], **changes: Any) -> httpx2.Response:
        return self.post(
            f"{REFUND}/payments/{payment['paymentId']}/refunds", refund_body(**changes)
        )

    def remaining(self, payment: dict[str, Any]) -> int:
        path = f"{REFUND}/payments/{payment['paymentId']}/refunds/remaining-amount"
        return int(self.get(path).json()["amount"])

    def books(self, payment: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
        reference = payment["amountTransaction"]["referenceCode"]
        return dict(self.get("/books", params={"reference": reference}).json())

    def order_fault(self, **order: Any) -> None:
        response = self.post("/control/faults", order)
        assert response.status_code == 201, response.text


def phone(line: str) -> str:
    return f"+82109000{line}"


def code_in(text: str) -> str:
    match = re.search(r"인증번호 (\d{6})", text)
    assert match, text
    return match[1]


def link_in(text: str) -> str:
    match = re.search(r"https?://\S+/confirm/\S+/", text)
    assert match, text
    return match[0]


def prepare_body(
    line: str,
    *,
    amount: float = 2200,
    correlator: str | None = None,
    reference: str | None = None,
    sink: bool = False,
    **information: Any,
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "amountTransaction": {
            "phoneNumber": phone(line),
            "clientCorrelator": correlator or uuid.uuid4().hex,
            "referenceCode": reference or uuid.uuid4().hex,
            "paymentAmount": {
                "chargingInformation": {
                    "amount": amount,
                    "currency": "KRW",
                    "description": "밤 산책",
                    "isTaxIncluded": True,
                    **information,
                },
                "chargingMetaData": {
                    "merchantName": "멜로디 뮤직",
                    "merchantIdentifier": "melody",
                },
                "paymentDetails": [
                    {"id": "song", "amount": amount, "currency": "KRW", "description": "밤 산책"}
                ],
            },
        }
    }
    if sink:
        body |= {"sink": SINK, "sinkCredential": CREDENTIAL}
    return body


def refund_body(
    *,
    amount: int | None = None,
    correlator: str | None = None,
    details: list[dict[str, Any]] | None = None,
    sink: bool = False,
    **information: Any,
) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if amount is not None:
        wanted["chargingInformation"] = {
            "amount": amount,
            "currency": "KRW",
            "description": "취소",
            "isTaxIncluded": True,
            **information,
        }
    if details is not None:
        wanted["refundDetails"] = details
    body: dict[str, Any] = {
        "type": "total" if amount is None else "partial",
        "amountTransaction": {
            "clientCorrelator": correlator or uuid.uuid4().hex,
            "referenceCode": uuid.uuid4().hex,
            "refundAmount": wanted,
        },
    }
    if sink:
        body |= {"sink": SINK, "sinkCredential": CREDENTIAL}
    return body
