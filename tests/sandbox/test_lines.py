"""The documented lines, and what must hold on all of them: idempotency, one charge, one refund."""

import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from tests.conftest import wait_until
from tests.sandbox.carrier import (
    BILLING,
    CREDENTIAL,
    Carrier,
    code_in,
    link_in,
    phone,
    prepare_body,
    refund_body,
)

OPERATORS = ["SKT", "KT", "LGU", "SKT_MVNO", "KT_MVNO", "LGU_MVNO"]


def in_parallel(times: int, call: Callable[[], httpx2.Response]) -> list[httpx2.Response]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(lambda _: call(), range(times)))


# Paying


@pytest.mark.parametrize("line", ["0000", "4321", "7001", "7002", "7003", "7004", "7005"])
def test_lines_that_pay(carrier: Carrier, line: str) -> None:
    payment = carrier.paid(line)
    assert carrier.status(payment) == "succeeded"
    [charge] = carrier.books(payment)["charges"]
    assert charge["amount_won"] == 2200
    assert charge["client_correlator"] == payment["amountTransaction"]["clientCorrelator"]


def test_the_code_text(carrier: Carrier) -> None:
    payment = carrier.prepared("0000", sink=True)
    first, link, last = carrier.text_of("0000", payment).splitlines()
    code = code_in(first)
    warning = "타인에게 알려주지 마세요."
    assert first == f"[멜로디 뮤직] 2,200원 결제 인증번호 {code} (3분). {warning}"
    assert link == link_in(first + "\n" + link)
    assert last == f"@127.0.0.1 #{code}"
    newest = carrier.texts("0000")[0]
    assert set(newest) == {"id", "at", "sender", "text"}


@pytest.mark.parametrize(
    ("line", "owner"),
    [("0000", "SKT"), ("7001", "KT"), ("7002", "LGU"), ("7003", "SKT_MVNO"), ("0011", "")],
)
def test_a_line_is_known_to_its_own_operator_only(carrier: Carrier, line: str, owner: str) -> None:
    body = {"phoneNumber": phone(line), "birthdate": "1990-01-31"}
    assert carrier.post("/kyc-match/v0.4/match", body).status_code == 200
    for root in OPERATORS:
        answers = [
            carrier.post(f"/operators/{root}/kyc-match/v0.4/match", body),
            carrier.post(f"/operators/{root}/sim-swap/v2/check", {"phoneNumber": phone(line)}),
            carrier.prepare(line, f"/operators/{root}"),
        ]
        for answer in answers:
            if root == owner:
                assert answer.is_success, answer.text
            else:
                assert answer.json()["code"] == "IDENTIFIER_NOT_FOUND"
    payment = carrier.prepared(line)
    for root in OPERATORS:
        path = f"/operators/{root}{BILLING}/payments/{payment['paymentId']}"
        assert carrier.get(path).status_code == (200 if root == owner else 404)


def test_identity_of_the_lines(carrier: Carrier) -> None:
    def match(line: str, birthdate: str) -> str:
        body = {"phoneNumber": phone(line), "birthdate": birthdate}
        return str(carrier.post("/kyc-match/v0.4/match", body).json()["birthdateMatch"])

    def is_adult(line: str) -> str:
        body = {"phoneNumber": phone(line), "ageThreshold": 19}
        return str(carrier.post("/kyc-age-verification/v0.2/verify", body).json()["ageCheck"])

    assert match("0012", "1990-01-31") == "false"
    assert match("0032", "2012-01-31") == "true"
    assert match("0032", "1990-01-31") == "false"
    assert (is_adult("0000"), is_adult("0032")) == ("true", "false")


def test_sim_swapped_yesterday(carrier: Carrier) -> None:
    def swapped(line: str, **more: int) -> bool:
        body = {"phoneNumber": phone(line), **more}
        return bool(carrier.post("/sim-swap/v2/check", body).json()["swapped"])

    assert swapped("0054")
    assert swapped("0054", maxAge=24)
    assert not swapped("0054", maxAge=1)
    assert not swapped("0000", maxAge=2400)


def verified(carrier: Carrier, line: str, pin: str, root: str = "") -> bool | int:
    """Whether a PIN is the line's; the status where there is no such answer."""
    body = {"phoneNumber": phone(line), "pin": pin}
    answer = carrier.post(f"{root}/payment-pin/v1/verify", body)
    return bool(answer.json()["verified"]) if answer.status_code == 200 else answer.status_code


def test_a_payment_pin_is_right_wrong_missing_or_locked(carrier: Carrier) -> None:
    assert verified(carrier, "5401", "135790") is True
    assert verified(carrier, "5401", "135791") is False
    assert verified(carrier, "0055", "135790") is False
    assert verified(carrier, "0056", "135790") == 403
    # Who asks about somebody else's line hears no more than who mistyped.
    assert verified(carrier, "5401", "135790", root="/operators/KT") is False
    unknown = {"phoneNumber": "+821012345678", "pin": "135790"}
    assert carrier.post("/payment-pin/v1/verify", unknown).json() == {"verified": False}


def test_five_wrong_payment_pins_lock_the_line_until_its_customer_sets_one(
    carrier: Carrier,
) -> None:
    assert [verified(carrier, "5402", "000000") for _ in range(5)] == [False] * 5
    assert verified(carrier, "5402", "135790") == 403

    carrier.post("/payment-pin/v1/set", {"phoneNumber": phone("5402"), "pin": "864209"})

    assert verified(carrier, "5402", "135790") is False
    assert verified(carrier, "5402", "864209") is True


@pytest.mark.parametrize("pin", ["12345", "1234567", "abcdef", "", 135790])
def test_a_payment_pin_is_six_digits(carrier: Carrier, pin: object) -> None:
    body = {"phoneNumber": phone("5403"), "pin": pin}

    assert carrier.post("/payment-pin/v1/set", body).status_code == 400


def test_carrier_under_maintenance(carrier: Carrier) -> None:
    answer = carrier.prepare("0103")
    assert answer.status_code == 503
    assert answer.json()["code"] == "UNAVAILABLE"
    assert answer.json()["message"].startswith("CARRIER_MAINTENANCE: ")


def test_a_code_that_is_already_expired(carrier: Carrier) -> None:
    payment = carrier.prepared("0043")
    answer = carrier.validate("0043", payment)
    assert answer.json()["code"] == "CARRIER_BILLING.INVALID_CODE"
    assert answer.json()["message"].startswith("CODE_EXPIRED: ")
    assert carrier.status(payment) == "pending_validation"


def test_a_text_that_never_arrives(carrier: Carrier) -> None:
    before = carrier.texts("0058")
    carrier.prepared("0058")
    assert carrier.texts("0058") == before


# Answers that are lost


@pytest.fixture(scope="module")
def lost(carrier: Carrier) -> dict[str, tuple[dict[str, Any], httpx2.Response]]:
    """Confirm 0097, 0098 and 0099 and refund 0045, all at once because each of them hangs."""
    payments = {line: carrier.reserved(line) for line in ("0097", "0098", "0099")}
    payments["0045"] = carrier.paid("0045")

    def call(line: str) -> httpx2.Response:
        payment = payments[line]
        if line == "0045":
            return carrier.refund(payment, correlator=payment["paymentId"])
        return carrier.confirm(line, payment)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(call, payments))
    return {
        line: (payment, answer)
        for (line, payment), answer in zip(payments.items(), answers, strict=True)
    }


def test_an_outcome_that_cannot_be_queried_for_a_while(carrier: Carrier, lost: Any) -> None:
    payment, answer = lost["0097"]
    assert (answer.status_code, answer.content) == (504, b"")
    assert carrier.retrieve(payment).status_code == 503
    assert carrier.confirm("0097", payment).status_code == 503
    listed = carrier.get(f"{BILLING}/payments", params={"perPage": 100}).json()
    assert payment["paymentId"] not in [row["paymentId"] for row in listed]
    assert len(carrier.books(payment)["charges"]) == 1
    wait_until(lambda: carrier.retrieve(payment).status_code == 200, what="the end of the outage")
    assert carrier.status(payment) == "succeeded"


def test_charged_but_the_answer_is_lost(carrier: Carrier, lost: Any) -> None:
    payment, answer = lost["0098"]
    assert (answer.status_code, answer.content) == (504, b"")
    assert carrier.status(payment) == "succeeded"
    assert carrier.confirm("0098", payment).status_code == 409
    assert len(carrier.books(payment)["charges"]) == 1


def test_no_answer_and_nothing_charged(carrier: Carrier, lost: Any) -> None:
    payment, answer = lost["0099"]
    assert (answer.status_code, answer.content) == (504, b"")
    assert carrier.status(payment) == "reserved"
    assert carrier.cancel("0099", payment).status_code == 202
    assert carrier.books(payment)["charges"] == []


def test_refunded_but_the_answer_is_lost(carrier: Carrier, lost: Any) -> None:
    payment, answer = lost["0045"]
    assert (answer.status_code, answer.content) == (504, b"")
    assert carrier.remaining(payment) == 0
    books = carrier.books(payment)["refunds"]
    assert [row["amount_won"] for row in books] == [2200]
    path = f"/carrier-billing-refund/v0.3/payments/{payment['paymentId']}/refunds"
    [refund] = carrier.get(path).json()
    assert refund["amountTransaction"]["clientCorrelator"] == payment["paymentId"]
    assert refund["refundStatus"] == "succeeded"


def test_a_cancel_that_works_the_third_time(carrier: Carrier) -> None:
    payment = carrier.paid("0049")
    correlator = uuid.uuid4().hex
    answers = [carrier.refund(payment, correlator=correlator) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 201]
    assert carrier.remaining(payment) == 0


def test_a_cancel_that_is_refused_for_good(carrier: Carrier) -> None:
    payment = carrier.paid("0030")
    for _ in range(2):
        assert carrier.refund(payment).json()["message"].startswith("CANCEL_PREPAID_BILL: ")
    assert carrier.remaining(payment) == 2200


# Once only


def test_the_same_prepare_twice_is_one_payment(carrier: Carrier) -> None:
    body = prepare_body("0000")
    path = f"{BILLING}/payments/prepare"
    first, second = carrier.post(path, body), carrier.post(path, body)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()


def test_the_same_prepare_at_once_is_one_payment(carrier: Carrier) -> None:
    body = prepare_body("0000")
    answers = in_parallel(12, lambda: carrier.post(f"{BILLING}/payments/prepare", body))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["paymentId"] for answer in answers}) == 1
    wanted = f"code-{answers[0].json()['paymentId']}"
    assert [text["id"] for text in carrier.texts("0000")].count(wanted) == 1


def test_twenty_confirms_at_once_charge_once(carrier: Carrier) -> None:
    payment = carrier.reserved("0000")
    answers = in_parallel(20, lambda: carrier.confirm("0000", payment))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 19
    assert len(carrier.books(payment)["charges"]) == 1


def test_confirm_and_cancel_at_once_do_one_of_the_two(carrier: Carrier) -> None:
    payment = carrier.reserved("0000")
    with ThreadPoolExecutor(2) as pool:
        confirmed = pool.submit(carrier.confirm, "0000", payment)
        cancelled = pool.submit(carrier.cancel, "0000", payment)
    statuses = (confirmed.result().status_code, cancelled.result().status_code)
    assert sorted(statuses) == [202, 409]
    assert carrier.status(payment) == ("succeeded" if statuses[0] == 202 else "cancelled")


def test_wrong_codes_at_once_are_all_counted(carrier: Carrier) -> None:
    payment = carrier.prepared("0000")
    answers = in_parallel(10, lambda: carrier.validate("0000", payment, "wrong"))
    codes = [answer.json()["code"].rpartition(".")[2] for answer in answers]
    assert codes.count("INVALID_CODE") == 4
    assert codes.count("VALIDATION_FAILED") == 6
    assert carrier.status(payment) == "denied"


def test_refunds_at_once_never_exceed_the_charge(carrier: Carrier) -> None:
    payment = carrier.paid("0000")
    answers = in_parallel(8, lambda: carrier.refund(payment, amount=1000))
    assert [answer.status_code for answer in answers].count(201) == 2
    assert carrier.remaining(payment) == 200


def test_the_same_refund_at_once_is_one_refund(carrier: Carrier) -> None:
    payment = carrier.paid("0000")
    body = refund_body(amount=1000)
    path = f"/carrier-billing-refund/v0.3/payments/{payment['paymentId']}/refunds"
    answers = in_parallel(8, lambda: carrier.post(path, body))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["refundId"] for answer in answers}) == 1
    assert carrier.remaining(payment) == 1200


# The link


def test_the_link_shows_and_only_the_button_confirms(carrier: Carrier) -> None:
    payment = carrier.prepared("0000")
    link = link_in(carrier.text_of("0000", payment))
    with httpx2.Client(trust_env=False, follow_redirects=True) as browser:
        shown = browser.get(link)
        assert "멜로디 뮤직" in shown.text
        assert "2,200원" in shown.text
        assert carrier.status(payment) == "pending_validation"
        assert browser.post(link).status_code == 403
        done = browser.post(link, data=_form(shown.text))
        assert "결제를 확인했습니다" in done.text
        assert carrier.status(payment) == "reserved"
        again = browser.get(link)
        assert again.status_code == 410
        assert "이미 사용했거나 만료된 링크입니다." in again.text
        assert browser.post(link, data=_form(shown.text)).status_code == 410
    assert carrier.validate("0000", payment).status_code == 409
    assert carrier.confirm("0000", payment).status_code == 202


def test_the_link_of_a_used_code_and_of_nothing(carrier: Carrier) -> None:
    payment = carrier.reserved("0000")
    link = link_in(carrier.text_of("0000", payment))
    for address in (link, f"{carrier.base_url}/confirm/nothing/"):
        assert carrier.get(address).status_code == 410


def test_a_line_confirmed_by_link_only(carrier: Carrier) -> None:
    payment = carrier.prepared("0060")
    text = carrier.text_of("0060", payment)
    assert "인증번호" not in text
    assert link_in(text) == payment["validationInfo"]["validationURL"]


def _form(page: str) -> dict[str, str]:
    match = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert match, page
    return {"csrfmiddlewaretoken": match[1]}


# Events


class Sink:
    """A sink that fails the first time it is called for an event of the given kind."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.refusals = 1
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if sink.refusals and body["type"].endswith("payment-reserved"):
                    sink.refusals -= 1
                    self.send_response(500)
                else:
                    sink.received.append(body)
                    sink.headers.append(
                        {name.lower(): value for name, value in self.headers.items()}
                    )
                    self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def kinds(self) -> set[str]:
        return {body["type"].rpartition(".")[2] for body in self.received}

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def sink() -> Iterator[Sink]:
    server = Sink()
    yield server
    server.close()


def test_events_reach_the_sink_with_its_bearer_again_and_again(
    carrier: Carrier, sink: Sink
) -> None:
    public = f"https://{uuid.uuid4().hex}.invalid"
    private = f"http://127.0.0.1:{sink.server.server_address[1]}"
    route = {"public": public, "private": private}
    assert carrier.post("/control/routes", route).status_code == 204
    body = prepare_body("0000") | {"sink": f"{public}/events/", "sinkCredential": CREDENTIAL}
    payment = carrier.post(f"{BILLING}/payments/prepare", body).json()
    began = time.monotonic()
    assert carrier.validate("0000", payment).status_code == 204
    assert carrier.confirm("0000", payment).status_code == 202
    assert time.monotonic() - began < 2
    expected = {"payment-pending-validation", "payment-reserved", "payment-completed"}
    wait_until(lambda: sink.kinds() == expected, what="the delivery of three events")
    assert len(sink.received) == 3
    assert {body["data"]["paymentId"] for body in sink.received} == {payment["paymentId"]}
    for headers in sink.headers:
        assert headers["authorization"] == "Bearer token-of-the-sink"
        assert headers["content-type"] == "application/cloudevents+json"


# Text gateway, bank, books, faults, pages


def test_the_text_gateway_accepts_an_id_once(carrier: Carrier) -> None:
    message = {
        "id": uuid.uuid4().hex,
        "channel": "sms",
        "to": "010-9000-2468",
        "sender": "1600-0100",
        "subject": None,
        "text": "결제가 완료되었습니다.",
        "html": None,
    }
    for _ in range(2):
        answer = carrier.post("/gateway/messages", message)
        assert (answer.status_code, answer.json()) == (202, {"id": message["id"]})
    texts = [text for text in carrier.texts("2468") if text["id"] == message["id"]]
    assert [(text["sender"], text["text"]) for text in texts] == [
        (message["sender"], message["text"])
    ]
    assert carrier.post("/gateway/messages", {}).status_code == 400
    mail = {**message, "id": uuid.uuid4().hex, "channel": "email", "to": "Buyer@demo.test"}
    assert carrier.post("/gateway/messages", mail).status_code == 202
    page = carrier.get("/sandbox/mail/buyer@demo.test/", params={"format": "json"})
    assert page.json()[0]["id"] == mail["id"]


def test_a_mail_can_be_opened_as_it_was_drawn_and_can_do_nothing(carrier: Carrier) -> None:
    mail = {
        "id": uuid.uuid4().hex,
        "channel": "email",
        "to": "drawn@demo.test",
        "subject": "영수증",
        "text": "결제가 완료됐어요.",
        "html": "<p>결제가 <b>완료</b>됐어요.</p>",
    }
    assert carrier.post("/gateway/messages", mail).status_code == 202

    opened = carrier.get(f"/sandbox/mail/drawn@demo.test/{mail['id']}/")

    assert opened.text == mail["html"]
    assert opened.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert carrier.get(f"/sandbox/mail/other@demo.test/{mail['id']}/").status_code == 404


def test_the_bank_pays_out_once(carrier: Carrier) -> None:
    payout = {
        "id": uuid.uuid4().hex,
        "bank": "004",
        "account_number": "1234567890",
        "holder": "김민지",
        "amount_won": 2200,
        "memo": "환불",
    }
    for _ in range(2):
        answer = carrier.post("/bank/payouts", payout)
        assert (answer.status_code, answer.json()["status"]) == (201, "settled")
    assert carrier.get(f"/bank/payouts/{payout['id']}").json()["amount_won"] == 2200
    assert carrier.get("/bank/payouts/nothing").status_code == 404
    assert carrier.post("/bank/payouts", {**payout, "amount_won": 1}).status_code == 409
    refused = carrier.post("/bank/payouts", {**payout, "id": "x", "account_number": "9990000"})
    assert (refused.status_code, refused.json()["code"]) == (422, "ACCOUNT_NOT_FOUND")
    rows = [row for row in carrier.get("/books").json()["payouts"] if row["id"] == payout["id"]]
    assert len(rows) == 1


def test_the_transaction_file_agrees_with_the_books(carrier: Carrier) -> None:
    payment = carrier.paid("0000")
    carrier.refund(payment, amount=700)
    books = carrier.books(payment)
    day = books["charges"][0]["charged_at"][:10]
    rows = carrier.get(f"/files/transactions/{day}").text.splitlines()
    assert rows[0] == "kind,order_ref,payment_id,reference,amount_won,at"
    mine = [row.split(",") for row in rows if payment["paymentId"] in row]
    assert [(row[0], row[4]) for row in mine] == [("charge", "2200"), ("refund", "700")]
    assert mine[0][1] == payment["amountTransaction"]["clientCorrelator"]
    assert carrier.get("/files/transactions/yesterday").status_code == 400


@pytest.mark.parametrize(
    ("mode", "status", "charges"),
    [
        ("timeout_before", 504, 0),
        ("timeout_after", 504, 1),
        ("error_500", 500, 0),
        ("error_503", 503, 0),
        ("error_after", 500, 1),
        ("garbage", 200, 1),
        ("empty", 200, 1),
        ("slow", 202, 1),
        ("deny", 202, 0),
    ],
)
def test_faults_on_order(carrier: Carrier, mode: str, status: int, charges: int) -> None:
    line = f"81{len(mode):02d}"
    carrier.order_fault(
        operation="confirm", mode=mode, phone=f"0109000{line}", seconds=0, reason="LIMIT_MONTHLY: x"
    )
    payment = carrier.reserved(line)
    assert carrier.confirm(line, payment).status_code == status
    assert len(carrier.books(payment)["charges"]) == charges
    if mode == "deny":
        assert carrier.status(payment) == "denied"
    elif not charges:
        assert carrier.confirm(line, payment).status_code == 202


def test_a_charge_that_comes_late_loses_against_a_cancel(carrier: Carrier) -> None:
    order = {"operation": "confirm", "mode": "late", "phone": "01090008201", "seconds": 1}
    carrier.order_fault(**order)
    late = carrier.reserved("8201")
    assert carrier.confirm("8201", late).status_code == 504
    assert carrier.status(late) == "reserved"
    wait_until(lambda: carrier.status(late) == "succeeded", what="the late charge")
    carrier.order_fault(**order)
    dropped = carrier.reserved("8201")
    assert carrier.confirm("8201", dropped).status_code == 504
    assert carrier.cancel("8201", dropped).status_code == 202
    time.sleep(1.5)
    assert carrier.books(dropped)["charges"] == []


def test_what_is_not_in_the_standard_demands_the_bearer_too(carrier: Carrier) -> None:
    headers = {"Authorization": ""}
    for path in ("/books", "/bank/payouts/x", "/files/transactions/2026-01-01", "/control/faults"):
        assert carrier.get(path, headers=headers).status_code == 401
    for path in ("/gateway/messages", "/bank/payouts", "/control/faults", "/control/charges"):
        assert carrier.post(path, {}, headers=headers).status_code == 401


def test_the_pages(carrier: Carrier) -> None:
    assert carrier.get("/healthz").json() == {"status": "ok"}
    listed = carrier.get("/sandbox/phones/")
    assert listed.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "/sandbox/phones/01090000103/" in listed.text
    payment = carrier.prepared("0000")
    link = link_in(carrier.text_of("0000", payment))
    shown = carrier.get("/sandbox/phones/01090000000/").text
    assert f'href="{link}"' in shown
    assert " style=" not in shown
    assert carrier.get("/sandbox/phones/nonsense/").status_code == 404
    for asset in re.findall(r'(?:src|href)="(/sandbox/static/[^"]+)"', shown):
        assert carrier.get(asset).status_code == 200
