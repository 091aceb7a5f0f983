"""Payments of a line, and a browser that proves to hold it."""

import re
from datetime import date, datetime, timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from payments.calendar import month_end
from payments.models import Merchant, Message, Payment
from tests.portal import histories

BORN = date(1990, 1, 31)
# The middle of the month to come: "this month" holds for days on both sides, and no code is too
# old by the database's clock.
MID_MONTH = month_end(timezone.now()) + timedelta(days=14)


def phone(last4: str) -> str:
    """The canonical number of a sandbox line."""
    return f"+82109000{last4}"


def paid(
    shop: Merchant,
    *,
    last4: str = "3001",
    born: date = BORN,
    at: datetime | None = None,
    **fields: Any,
) -> Payment:
    """A payment of a line with everything a line leaves behind; an hour ago unless said."""
    at = at or timezone.now() - timedelta(hours=1)
    month = at.astimezone(timezone.get_default_timezone()).strftime("%Y-%m")
    row = histories.sale(shop, at=at, **({"billing_month": month} | fields))
    row.set_line(carrier="SKT", phone=phone(last4), birthdate=born, email="")
    row.save()
    return row


def unpaid(shop: Merchant, state: str, *, last4: str = "3001", **fields: Any) -> Payment:
    """A payment that ended, or stands, without a charge."""
    row = histories.payment(shop, at=timezone.now() - timedelta(hours=2), state=state, **fields)
    row.set_line(carrier="SKT", phone=phone(last4), birthdate=BORN, email="")
    row.save()
    return row


def knock(client: Client, last4: str = "3001", born: str = "19900131") -> Any:
    """The first step; the answer leads to the page for the code."""
    return client.post("/my/", {"phone": f"010-9000-{last4}", "birthdate": born})


def texted_code() -> str:
    """The newest code we texted."""
    text = Message.objects.filter(kind="verification").latest("pk").text
    return re.findall(r"\b\d{6}\b", text)[0]


def enter(client: Client, last4: str = "3001", born: str = "19900131") -> Client:
    """Both steps; the client is inside afterwards."""
    knock(client, last4, born)
    answer = client.post("/my/code/", {"code": texted_code()})
    assert answer.headers["Location"] == "/my/"
    return client
