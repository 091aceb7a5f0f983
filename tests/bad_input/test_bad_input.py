"""What people, scanners and attackers send: a clear message, no row, no text, never a 5xx.

The inputs stand in the YAML files beside this one, grouped by what is wrong with them; each input
is a test. They go through the real views, with Django's own protections on.
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import timezone

from payments import encryption
from payments.models import (
    CarrierCall,
    CodeChallenge,
    InboundEvent,
    Message,
    Payment,
    PhoneVerification,
)
from payments.states import PaymentState
from tests import factories
from tests.portal import histories

pytestmark = pytest.mark.django_db
FOLDER = Path(__file__).parent
CONSENTS = {"agree_billing": "on", "agree_privacy": "on", "agree_third_party": "on"}
LINE = {"carrier": "SKT", "phone": "010-9000-0000", "birthdate": "19900131", **CONSENTS}
REQUEST = {"product": "밤 산책", "date": "2026-11-03", "phone": "010-9000-0000"}
TOKENS = [
    "x",
    "0",
    "-1",
    "%00",
    "a%00b",
    "..%2F",
    "%2e%2e",
    "%ED%A0%80",
    "%FF",
    "' OR 1=1",
    "a" * 9000,
]


def rows(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load((FOLDER / f"{name}.yaml").read_text()))


def inputs(name: str, key: str = "typed") -> list[Any]:
    """Every input of a file with the row it stands in, as a test of its own."""
    return [
        pytest.param(
            row,
            typed * row.get("times", 1),
            id=f"{row.get('field', name)}: {row.get('is') or row['path']} {number}",
        )
        for row in rows(name)
        for number, typed in enumerate(row[key])
    ]


@pytest.fixture
def client() -> Client:
    """A browser to which the server's failures show as 500, not as a traceback of the test."""
    return Client(raise_request_exception=False)


@pytest.fixture
def awaiting(client: Client) -> Payment:
    """A payment whose code is out, by the look of its row: nobody asked the operator."""
    payment = factories.opened()
    now = timezone.now()
    Payment.objects.filter(pk=payment.pk).update(
        state=PaymentState.AWAITING_CONFIRMATION,
        carrier="SKT",
        carrier_payment_id="op-1",
        validation_action="validate",
    )
    CodeChallenge.objects.create(
        payment=payment, sent_at=now, expires_at=now + timedelta(minutes=3)
    )
    return payment


def refused(response: Any, row: dict[str, Any]) -> str:
    """The page that refuses an input, after checking that it says why."""
    page = str(response.content.decode())
    assert response.status_code == 422, response.status_code
    # Once in the summary, once beside the field.
    assert page.count(row["says"]) > 1
    return page


def nothing_happened() -> bool:
    is_asked = CarrierCall.objects.exists() or PhoneVerification.objects.exists()
    return not is_asked and not Message.objects.exists()


@pytest.mark.parametrize(
    ("row", "typed"),
    [
        pytest.param({"field": file, **param.values[0]}, param.values[1], id=param.id)
        for file in ("phone", "birthdate", "choices")
        for param in inputs(file)
    ],
)
def test_a_field_of_the_window_is_refused_in_words(
    client: Client, row: dict[str, Any], typed: str
) -> None:
    payment = factories.opened()
    name = row["field"]

    page = refused(client.post(f"/pay/{payment.token}/", {**LINE, name: typed}), row)

    payment.refresh_from_db()
    assert (payment.state, payment.phone_bidx) == ("CREATED", "")
    assert nothing_happened()
    kept = {key: LINE[key] for key in ("phone", "birthdate") if key != name}
    assert all(f'value="{value}"' in page for value in kept.values())
    if row.get("drops"):
        assert typed not in page


@pytest.mark.parametrize(("row", "typed"), inputs("code"))
def test_what_is_not_a_code_is_refused_and_spends_no_try(
    client: Client, awaiting: Payment, row: dict[str, Any], typed: str
) -> None:
    refused(client.post(f"/pay/{awaiting.token}/code/", {"code": typed}), row)

    awaiting.refresh_from_db()
    assert awaiting.state == "AWAITING_CONFIRMATION"
    assert awaiting.challenge.attempts == 0
    assert nothing_happened()


@pytest.mark.parametrize("name", ["phone", "birthdate"])
def test_two_values_for_one_field_are_refused(client: Client, name: str) -> None:
    payment = factories.opened()

    answer = client.post(f"/pay/{payment.token}/", {**LINE, name: [LINE[name], LINE[name]]})

    refused(answer, {"says": "값을 하나만 입력하세요"})
    assert nothing_happened()


def test_two_codes_are_refused_and_spend_no_try(client: Client, awaiting: Payment) -> None:
    codes = {"code": ["123456", "654321"]}

    refused(client.post(f"/pay/{awaiting.token}/code/", codes), {"says": "숫자 6자리만"})

    assert CodeChallenge.objects.get().attempts == 0


def test_fields_nobody_asked_for_change_nothing(client: Client) -> None:
    payment = factories.opened()
    more = {"amount_won": "1", "state": "PAID", "merchant": "2", "merchant_id": "2", "id": "9"}

    client.post(f"/pay/{payment.token}/", {**LINE, **more, "phone": ""})

    after = Payment.objects.get(pk=payment.pk)
    assert (after.amount_won, after.state, after.merchant_id) == (
        payment.amount_won,
        "CREATED",
        payment.merchant_id,
    )


@pytest.mark.parametrize(("row", "typed"), inputs("request"))
def test_a_request_without_receipt_is_refused_in_words(
    client: Client, row: dict[str, Any], typed: str
) -> None:
    refused(client.post("/support/request/", {**REQUEST, row["field"]: typed}), row)

    assert nothing_happened()


@pytest.mark.parametrize(
    ("row", "token"),
    [
        pytest.param(row, token, id=f"{row['is']}: {token[:12]}")
        for row in rows("addresses")
        for token in TOKENS
    ],
)
def test_an_address_nobody_was_given_leads_nowhere(
    client: Client, row: dict[str, Any], token: str
) -> None:
    if row.get("signed_in"):
        client.force_login(histories.owner(histories.shop("melody")))
    ask = client.post if row.get("method") == "post" else client.get

    response: Any = ask(row["path"].format(token))

    assert response.status_code in {400, 404}, response.status_code
    assert nothing_happened()


@pytest.mark.parametrize(("row", "query"), inputs("queries", "queries"))
def test_a_query_nobody_meant_is_answered_and_shows_nothing_of_others(
    client: Client, row: dict[str, Any], query: str
) -> None:
    other = histories.sale(histories.shop("bookshelf"), at=timezone.now(), item_name="남의 물건")
    shop = histories.shop("melody")
    if row.get("signed_in"):
        client.force_login(histories.owner(shop))

    response: Any = client.get(f"{row['path']}?{query}")

    streamed = getattr(response, "streaming", False)
    body = b"".join(response.streaming_content) if streamed else response.content
    assert response.status_code < 500, response.status_code
    assert other.reference not in body.decode()
    assert "evil.example" not in response.headers.get("Location", "")


@pytest.mark.parametrize("row", rows("events"), ids=lambda row: row["is"])
def test_an_event_that_is_not_the_operators_changes_nothing(
    client: Client, awaiting: Payment, row: dict[str, Any]
) -> None:
    call = CarrierCall.objects.create(
        payment=awaiting, kind="PREPARE", carrier_tx="op-1", sent_at=timezone.now()
    )
    good = {"id": "event-1", "type": "payment-completed", "data": {"paymentId": "op-1"}}
    token = row.get("token", f"Bearer {encryption.event_token(call.order_ref)}")
    before = Payment.objects.values().get(pk=awaiting.pk)

    response: Any = client.post(
        "/carrier/events/",
        data=body_of(row, good),
        content_type="application/cloudevents+json",
        headers={"authorization": token.replace("{long}", "x" * 9000)},
    )

    assert response.status_code == row["status"], response.status_code
    assert response.json()["status"] == row["status"]
    assert not InboundEvent.objects.exists()
    assert Payment.objects.values().get(pk=awaiting.pk) == before


def body_of(row: dict[str, Any], good: dict[str, Any]) -> str:
    if "nested" in row:
        return "[" * int(row["nested"])
    if "padded" in row:
        return json.dumps({**good, "more": "x" * int(row["padded"])})
    text = str(row["body"]).replace("{good}", json.dumps(good))
    return text.replace("{payment}", "op-1").replace("{long}", "x" * 9000)


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace", "options"])
@pytest.mark.parametrize(
    "path", ["/pay/{}/", "/pay/{}/code/", "/support/request/", "/carrier/events/", "/merchant/"]
)
def test_a_method_nobody_offers_changes_nothing(client: Client, path: str, method: str) -> None:
    payment = factories.opened()

    response: Any = getattr(client, method)(path.format(payment.token))

    assert response.status_code < 500
    assert Payment.objects.get().state == "CREATED"
    assert nothing_happened()


@pytest.mark.parametrize("step", ["", "code/", "resend/", "back/", "leave/"])
def test_a_step_without_its_csrf_token_is_refused_and_changes_nothing(step: str) -> None:
    payment = factories.opened()
    strict = Client(enforce_csrf_checks=True)

    response: Any = strict.post(f"/pay/{payment.token}/{step}", {**LINE, "code": "123456"})

    assert response.status_code == 403
    assert Payment.objects.get().state == "CREATED"
    assert nothing_happened()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "a b", "", "[::1"])
def test_another_host_is_refused(client: Client, host: str) -> None:
    response: Any = client.get("/", headers={"host": host})

    assert response.status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"accept-language": "x" * 9000},
        {"accept-language": "../../etc,ko;q=\0"},
        {"accept-language": "en;q=nan,ko;q=1e400"},
        {"user-agent": "x" * 20_000},
        {"user-agent": "\r\nSet-Cookie: a=b"},
        {"cookie": "window=" + "x" * 8000},
        {"cookie": "sessionid=a; sessionid=b; django_language=../../etc"},
        {"cookie": "django_language=%00; csrftoken=\0"},
        {"hx-request": "true", "hx-target": "<script>", "hx-current-url": "javascript:1"},
        {"x-forwarded-host": "evil.example", "x-forwarded-for": "1.2.3.4, " * 50},
        {"x-http-method-override": "DELETE"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_a_header_nobody_sends_is_lived_with(client: Client, headers: dict[str, str]) -> None:
    payment = factories.opened()

    response: Any = client.get(f"/pay/{payment.token}/", headers=headers)

    assert response.status_code in {200, 400}
    assert "evil.example" not in response.content.decode()


@pytest.mark.parametrize(
    "next_page",
    [
        "//evil.example",
        "/\\evil.example",
        "https:\\\\evil.example",
        "https:///evil.example",
        "https://evil.example",
        "http://testserver@evil.example",
        "http://testserver.evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/%0d%0aSet-Cookie:%20a=b",
        "/\r\nSet-Cookie: a=b",
        "\0",
        " https://evil.example",
        "ftp://evil.example",
    ],
)
@pytest.mark.parametrize("address", ["/i18n/setlang/", "/merchant/login/"])
def test_nobody_is_sent_to_another_site(client: Client, address: str, next_page: str) -> None:
    owner = histories.owner(histories.shop("melody"))
    typed = {"language": "en", "username": owner.email, "password": histories.PASSWORD}

    response: Any = client.post(address, {**typed, "next": next_page})

    assert response.status_code < 500
    to = response.headers.get("Location", "/")
    assert to.startswith("/")
    assert not to.startswith(("//", "/\\"))
    assert "\r" not in to
    assert "\n" not in to
    assert response.cookies.get("a") is None


def test_the_catalogue_holds_at_least_three_hundred_inputs() -> None:
    fields = sum(len(row["typed"]) for name in FIELDS for row in rows(name))
    queries = sum(len(row["queries"]) for row in rows("queries"))
    tokens = len(rows("addresses")) * len(TOKENS)

    assert fields + queries + tokens + len(rows("events")) >= 300


FIELDS = ("phone", "birthdate", "code", "choices", "request")
