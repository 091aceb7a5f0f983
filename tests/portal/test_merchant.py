"""The back office: walls between tenants, lists that page, ranges that are checked."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from payments.calendar import SEOUL
from payments.models import Merchant, Payment
from portal.forms import PeriodForm
from portal.models import User
from portal.urls import pages
from portal.views import keyset
from tests.portal import histories

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 10, 3, tzinfo=UTC)
ADDRESSES = sorted(
    str(page.name)
    for page in pages
    if str(page.name).startswith("merchant-")
    and page.name not in {"merchant-payment", "merchant-buyer"}
)


@pytest.fixture
def merchant() -> Merchant:
    return histories.shop("melody")


@pytest.fixture
def signed_in(client: Client, merchant: Merchant) -> Client:
    client.force_login(histories.owner(merchant))
    return client


def content(response: Any) -> str:
    if getattr(response, "streaming", False):
        return b"".join(response.streaming_content).decode()
    return str(response.content.decode())


@pytest.mark.parametrize("name", ADDRESSES)
def test_every_page_leaves_out_what_belongs_to_others(signed_in: Client, name: str) -> None:
    now = timezone.now()
    theirs = histories.sale(
        histories.shop("other"), at=now, amount_won=29_999, item_name="남의 물건"
    )
    histories.refund(theirs, at=now)

    response = signed_in.get(reverse(f"portal:{name}"))

    assert response.status_code == 200
    text = content(response)
    assert theirs.reference not in text
    assert "남의 물건" not in text
    assert "29,999" not in text
    assert "29999" not in text


def test_payment_of_another_merchant_is_not_found(signed_in: Client) -> None:
    theirs = histories.sale(histories.shop("other"), at=AT)

    response = signed_in.get(reverse("portal:merchant-payment", args=[theirs.reference]))

    assert response.status_code == 404


@pytest.mark.parametrize("name", ADDRESSES)
def test_nobody_sees_a_page_without_signing_in(client: Client, name: str) -> None:
    response = client.get(reverse(f"portal:{name}"))

    assert response.status_code == 302
    assert response["Location"].startswith(reverse("portal:login"))


@pytest.mark.parametrize("name", ADDRESSES)
def test_staff_without_a_shop_are_refused(client: Client, name: str) -> None:
    client.force_login(User.objects.create_user("agent@desk.test", "x" * 12, is_staff=True))

    assert client.get(reverse(f"portal:{name}")).status_code == 403


@pytest.mark.parametrize("name", ADDRESSES)
def test_pages_only_look(signed_in: Client, name: str) -> None:
    assert signed_in.post(reverse(f"portal:{name}")).status_code == 405


def test_pages_of_a_list_show_every_payment_once_in_order(
    signed_in: Client, merchant: Merchant
) -> None:
    # Several at the same moment: the id decides between them.
    rows = [histories.payment(merchant, at=AT + timedelta(minutes=n // 4)) for n in range(95)]
    histories.payment(histories.shop("other"), at=AT)
    address, seen = reverse("portal:merchant-payments"), []
    while address:
        page = signed_in.get(address).context["page"]
        seen += [row.pk for row in page.rows]
        last, address = page, page.older_url and f"/merchant/payments/{page.older_url}"

    assert seen == [row.pk for row in reversed(rows)]
    back = signed_in.get(f"/merchant/payments/{last.newer_url}").context["page"]
    assert [row.pk for row in back.rows] == seen[60:90][: keyset.SIZE]


@pytest.mark.parametrize("cursor", ["x", "1", "1-", "-1", "1-x", "9" * 18 + "-1", "1-" + "9" * 40])
def test_cursor_we_never_made_is_not_found(signed_in: Client, cursor: str) -> None:
    assert signed_in.get("/merchant/payments/", {"before": cursor}).status_code == 404


def found(client: Client, **query: str) -> set[str]:
    response = client.get(reverse("portal:merchant-payments"), query)
    assert response.status_code == 200
    return {row.payment.item_name for row in response.context["rows"]}


def test_filters_find_by_standing_day_words_and_amount(
    signed_in: Client, merchant: Merchant
) -> None:
    midnight = datetime(2026, 11, 10, tzinfo=SEOUL)
    song = histories.sale(merchant, at=midnight, item_name="노래")
    histories.sale(merchant, at=midnight - timedelta(seconds=1), item_name="책", amount_won=9_900)
    histories.payment(merchant, at=midnight, item_name="거절", state="DECLINED")
    histories.payment(merchant, at=midnight, item_name="대기", state="AWAITING_CONFIRMATION")
    histories.refund(histories.sale(merchant, at=midnight, item_name="돌려줌"), at=midnight)

    assert found(signed_in, standing="unpaid") == {"거절"}
    assert found(signed_in, standing="open") == {"대기"}
    assert found(signed_in, standing="refunds") == {"돌려줌"}
    assert found(signed_in, first="2026-11-09", last="2026-11-09") == {"책"}
    assert found(signed_in, amount="9,900원") == {"책"}
    assert found(signed_in, q=song.reference[3:7].lower()) == {"노래"}
    assert found(signed_in, q="돌려") == {"돌려줌"}


@pytest.mark.parametrize(
    "query",
    [{"first": "yesterday"}, {"first": "2026-11-02", "last": "2026-11-01"}, {"amount": "many"}],
)
def test_filter_that_cannot_be_read_says_so(signed_in: Client, query: dict[str, str]) -> None:
    response = signed_in.get(reverse("portal:merchant-payments"), query)

    assert response.status_code == 422
    assert "field-error" in response.content.decode()


@pytest.mark.parametrize(
    ("first", "last"),
    [("", ""), ("2026-11-02", "2026-11-01"), ("2020-01-01", "2026-01-01"), ("x", "2026-11-01")],
)
def test_range_that_cannot_be_is_refused(first: str, last: str) -> None:
    form = PeriodForm({"period": "custom", "first": first, "last": last}, today=date(2026, 11, 23))

    assert form.chosen().name == "month"
    assert form.errors


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("", date(2026, 3, 1), date(2026, 3, 1)),
        ("month", date(2026, 3, 1), date(2026, 3, 1)),
        ("last-month", date(2026, 2, 1), date(2026, 2, 28)),
        ("week", date(2026, 2, 23), date(2026, 3, 1)),
    ],
)
def test_named_ranges_lie_where_they_say(name: str, first: date, last: date) -> None:
    days = PeriodForm({"period": name}, today=date(2026, 3, 1)).chosen().days

    assert (days.first, days.last) == (first, last)


def test_payment_page_tells_what_happened_and_masks_the_phone(
    signed_in: Client, merchant: Merchant
) -> None:
    sold = histories.sale(merchant, at=AT)
    histories.refund(sold, at=AT + timedelta(hours=1))

    text = content(signed_in.get(reverse("portal:merchant-payment", args=[sold.reference])))

    assert "010-****-0000" in text
    assert not re.search(r"010-?[0-9]{4}", text)
    assert "환불됨" in text


@pytest.mark.parametrize("name", ["merchant-home", "merchant-payments", "merchant-refunds"])
def test_list_costs_the_same_for_one_row_and_for_many(
    signed_in: Client, merchant: Merchant, name: str
) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert signed_in.get(reverse(f"portal:{name}")).status_code == 200
        return len(queries)

    now = timezone.now()
    histories.refund(histories.sale(merchant, at=now), at=now)
    one = statements()
    for _ in range(20):
        histories.refund(histories.sale(merchant, at=now), at=now)

    assert statements() == one <= 8
    assert Payment.objects.count() == 21
