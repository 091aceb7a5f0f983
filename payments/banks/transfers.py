"""The bank that pays money back to the payer's account. Idempotent by our id."""

from dataclasses import dataclass

import httpx2
from django.conf import settings

from payments.carriers.base import Declined, OutcomeUnknown, Unreachable

SECONDS = 10.0


@dataclass(frozen=True)
class Payout:
    """One transfer; amounts in won."""

    order_ref: str
    bank: str
    account_number: str
    holder: str
    amount_won: int
    memo: str


def pay_out(payout: Payout) -> None:
    """Send the money; returns when the bank has settled it.

    Raises Declined (the account is wrong), Unreachable (nothing happened) or OutcomeUnknown.
    """
    body = {
        "id": payout.order_ref,
        "bank": payout.bank,
        "account_number": payout.account_number,
        "holder": payout.holder,
        "amount_won": payout.amount_won,
        "memo": payout.memo,
    }
    response = _request("POST", "/bank/payouts", body)
    if response.status_code == 422:
        raise Declined("ACCOUNT_NOT_FOUND", response.text[:200])
    if not response.is_success:
        raise OutcomeUnknown(str(response.status_code))


def is_settled(order_ref: str) -> bool:
    """Whether the bank has this transfer. Raises Unreachable or OutcomeUnknown."""
    response = _request("GET", f"/bank/payouts/{order_ref}", None)
    if response.status_code == 404:
        return False
    if not response.is_success:
        raise OutcomeUnknown(str(response.status_code))
    return True


def _request(method: str, path: str, body: object) -> httpx2.Response:
    try:
        return httpx2.request(
            method,
            f"{settings.BANK_API_URL}{path}",
            json=body,
            headers={"Authorization": f"Bearer {settings.CARRIER_API_TOKEN}"},
            timeout=SECONDS,
            trust_env=False,
        )
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        raise Unreachable(type(error).__name__) from error
    except httpx2.HTTPError as error:
        raise OutcomeUnknown(type(error).__name__) from error
