"""Every operation of the standard, each success and each reachable error, against its file.

Not reachable here: 403 PERMISSION_DENIED other than for one-step payments and unvalidated ones (one
client, all scopes), 422 UNNECESSARY_IDENTIFIER (two-legged tokens only), 409 of prepare and refund
(a repeated correlator is answered or refused with 400), and TOO_MANY_MATCHING_RECORDS.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.carrier import (
    BILLING,
    CREDENTIAL,
    REFUND,
    SINK,
    Carrier,
    phone,
    prepare_body,
    refund_body,
)
from tests.sandbox.specification import Specification

_FILES = Path(__file__).resolve().parents[2].parent / "shared" / "specs"
_NAMES = (
    "carrier-billing",
    "carrier-billing-refund",
    "kyc-match",
    "kyc-age-verification",
    "sim-swap",
)
pytestmark = pytest.mark.skipif(
    not all((_FILES / f"{name}.yaml").exists() for name in _NAMES),
    reason="the operators' OpenAPI files are not beside the repository (../shared/specs)",
)

MATCH = "/kyc-match/v0.4/match"
VERIFY = "/kyc-age-verification/v0.2/verify"
SIM_CHECK = "/sim-swap/v2/check"
SIM_DATE = "/sim-swap/v2/retrieve-date"
PREPARE = f"{BILLING}/payments/prepare"
LIST = f"{BILLING}/payments"


class Conforming:
    """A carrier whose every answer is checked; sound requests are checked as well."""

    def __init__(self, carrier: Carrier) -> None:
        self.carrier = carrier
        self.files = [Specification(_FILES / f"{name}.yaml") for name in _NAMES]
        self.seen: set[str] = set()

    def file_of(self, path: str) -> Specification:
        return next(file for file in self.files if path.startswith(f"{file.base}/"))

    def post(self, path: str, body: Any, expected: str, *, is_sound: bool = True) -> Any:
        if is_sound:
            self.file_of(path).check_request("post", path, body)
        return self._checked(path, "post", expected, json=body)

    def get(self, path: str, expected: str = "200", **options: Any) -> Any:
        return self._checked(path, "get", expected, **options)

    def _checked(self, path: str, method: str, expected: str, **options: Any) -> Any:
        headers = {"x-correlator": "test-1:a/b<c>{d}", **options.pop("headers", {})}
        response = self.carrier.http.request(method, path, headers=headers, **options)
        self.seen.add(self.file_of(path).check_response(method, path, response))
        assert response.headers["x-correlator"] == headers["x-correlator"]
        status, _, code = expected.partition(" ")
        assert str(response.status_code) == status, response.text
        if code:
            body = response.json()
            assert (body["status"], body["code"]) == (int(status), code)
            assert body["message"]
        return response


@pytest.fixture(scope="module")
def api(carrier: Carrier) -> Conforming:
    return Conforming(carrier)


def _without(body: dict[str, Any], *path: str) -> dict[str, Any]:
    """A copy of the body without one property."""
    first, *rest = path
    if not rest:
        return {name: value for name, value in body.items() if name != first}
    return {**body, first: _without(body[first], *rest)}


def _amount(body: dict[str, Any], **information: Any) -> dict[str, Any]:
    body["amountTransaction"]["paymentAmount"]["chargingInformation"].update(information)
    return body


def _payment(api: Conforming, payment: dict[str, Any], action: str = "") -> str:
    return f"{BILLING}/payments/{payment['paymentId']}{action}"


def test_prepare_answers_with_the_way_to_validate(api: Conforming) -> None:
    body = prepare_body("0000", sink=True)
    payment = api.post(PREPARE, body, "201").json()
    assert payment["paymentStatus"] == "pending_validation"
    assert payment["validationInfo"]["action"] == "validate"
    assert payment["sink"] == SINK
    echoed = payment["amountTransaction"]
    assert {name: echoed[name] for name in body["amountTransaction"]} == body["amountTransaction"]
    assert echoed["serverReferenceCode"].startswith("SKT-")


def test_prepare_of_a_link_only_line_answers_with_the_address(api: Conforming) -> None:
    payment = api.post(PREPARE, prepare_body("0060"), "201").json()
    assert payment["validationInfo"]["action"] == "open"
    assert "/confirm/" in payment["validationInfo"]["validationURL"]


@pytest.mark.parametrize(
    "missing",
    [
        ("amountTransaction",),
        ("amountTransaction", "referenceCode"),
        ("amountTransaction", "paymentAmount"),
        ("amountTransaction", "paymentAmount", "chargingInformation"),
        ("amountTransaction", "paymentAmount", "chargingInformation", "amount"),
        ("amountTransaction", "paymentAmount", "chargingInformation", "currency"),
        ("amountTransaction", "paymentAmount", "chargingInformation", "description"),
    ],
    ids=".".join,
)
@pytest.mark.parametrize("path", [PREPARE, LIST], ids=["prepare", "create"])
def test_a_missing_property_is_an_invalid_argument(
    api: Conforming, path: str, missing: tuple[str, ...]
) -> None:
    body = _without(prepare_body("0000"), *missing)
    api.post(path, body, "400 INVALID_ARGUMENT", is_sound=False)


@pytest.mark.parametrize(
    "information",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": "2200"},
        {"amount": True},
        {"amount": 0.0001},
        {"amount": 1e300},
        {"amount": 2200.5},
        {"currency": "EUR"},
        {"currency": 1},
        {"description": None},
        {"isTaxIncluded": "yes"},
        {"taxAmount": -1},
    ],
    ids=str,
)
def test_a_wrong_amount_is_an_invalid_argument(
    api: Conforming, information: dict[str, Any]
) -> None:
    body = _amount(prepare_body("0000"), **information)
    api.post(PREPARE, body, "400 INVALID_ARGUMENT", is_sound=False)


@pytest.mark.parametrize("body", ["", "[]", "{", "null", '{"a": NaN}', '{"a": "\\u0000"}'], ids=str)
def test_a_body_that_is_no_object_is_an_invalid_argument(api: Conforming, body: str) -> None:
    for path in (PREPARE, MATCH, VERIFY, SIM_CHECK, SIM_DATE):
        api._checked(path, "post", "400 INVALID_ARGUMENT", content=body)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sink": "http://portal.sandbox.invalid/"}, "INVALID_SINK"),
        ({"sink": 1}, "INVALID_ARGUMENT"),
        ({"sinkCredential": {**CREDENTIAL, "credentialType": "PLAIN"}}, "INVALID_CREDENTIAL"),
        ({"sinkCredential": {**CREDENTIAL, "credentialType": "OTHER"}}, "INVALID_ARGUMENT"),
        ({"sinkCredential": {**CREDENTIAL, "accessTokenType": "mac"}}, "INVALID_TOKEN"),
        ({"sinkCredential": {"credentialType": "ACCESSTOKEN"}}, "INVALID_ARGUMENT"),
        (
            {"sinkCredential": {**CREDENTIAL, "accessTokenExpiresUtc": "2099-01-01T00:00:00"}},
            "INVALID_ARGUMENT",
        ),
    ],
    ids=str,
)
def test_a_wrong_sink_is_refused(api: Conforming, changes: dict[str, Any], code: str) -> None:
    for path in (PREPARE, LIST):
        body = prepare_body("0000", sink=True) | changes
        api.post(path, body, f"400 {code}", is_sound=False)
    refund = refund_body(sink=True) | changes
    path = f"{REFUND}/payments/NOBODY/refunds"
    api.post(path, refund, f"400 {code}", is_sound=False)


def test_one_step_payments_are_not_permitted(api: Conforming) -> None:
    api.post(LIST, prepare_body("0000"), "403 PERMISSION_DENIED")
    api.post(
        LIST, prepare_body("0000", amount=2_000_000), "422 CARRIER_BILLING.UNAUTHORIZED_AMOUNT"
    )
    body = _without(prepare_body("0000"), "amountTransaction", "phoneNumber")
    api.post(LIST, body, "422 MISSING_IDENTIFIER")


@pytest.mark.parametrize(
    ("line", "expected", "reason"),
    [
        ("0013", "422 SERVICE_NOT_APPLICABLE", "LINE_SUSPENDED: "),
        ("0016", "403 CARRIER_BILLING.PAYMENT_DENIED", "UNPAID_BILL: "),
        ("0017", "422 SERVICE_NOT_APPLICABLE", "PREPAID_LINE: "),
        ("0031", "422 CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED", "LIMIT_MONTHLY: "),
        ("0035", "403 CARRIER_BILLING.PAYMENT_DENIED", "NOT_CONSENTED: "),
        ("0036", "403 CARRIER_BILLING.PAYMENT_DENIED", "BLOCKED_BY_OWNER: "),
    ],
)
def test_refusals_begin_with_our_code(
    api: Conforming, line: str, expected: str, reason: str
) -> None:
    answer = api.post(PREPARE, prepare_body(line), expected).json()
    assert answer["message"].startswith(reason)


def test_prepare_needs_a_customer(api: Conforming) -> None:
    without = _without(prepare_body("0000"), "amountTransaction", "phoneNumber")
    api.post(PREPARE, without, "422 MISSING_IDENTIFIER")
    stranger = prepare_body("0000")
    stranger["amountTransaction"]["phoneNumber"] = "+34629255833"
    api.post(PREPARE, stranger, "404 IDENTIFIER_NOT_FOUND")
    malformed = prepare_body("0000")
    malformed["amountTransaction"]["phoneNumber"] = "010-9000-0000"
    api.post(PREPARE, malformed, "400 INVALID_ARGUMENT", is_sound=False)
    large = prepare_body("0000", amount=1_000_001)
    answer = api.post(PREPARE, large, "422 CARRIER_BILLING.UNAUTHORIZED_AMOUNT").json()
    assert answer["message"].startswith("LIMIT_PER_PAYMENT: ")


def test_a_correlator_used_for_something_else_is_refused(api: Conforming) -> None:
    body = prepare_body("0000")
    api.post(PREPARE, body, "201")
    answer = api.post(PREPARE, _amount(body, amount=3300), "400 INVALID_ARGUMENT").json()
    assert answer["message"] == "clientCorrelator already exist on server."


def test_validate(api: Conforming) -> None:
    payment = api.carrier.prepared("0000")
    path = _payment(api, payment, "/validate")
    right = {
        "authorizationId": payment["validationInfo"]["authorizationId"],
        "code": "not-a-code",
    }
    api.post(path, {"code": "1"}, "400 INVALID_ARGUMENT", is_sound=False)
    api.post(path, {"authorizationId": "1"}, "400 INVALID_ARGUMENT", is_sound=False)
    api.post(path, {**right, "code": 123456}, "400 INVALID_ARGUMENT", is_sound=False)
    wrong = {**right, "authorizationId": "other"}
    api.post(path, wrong, "400 CARRIER_BILLING.INVALID_AUTHORIZATION_ID")
    api.post(f"{BILLING}/payments/NOBODY/validate", right, "404 NOT_FOUND")
    for left in (4, 3, 2, 1):
        answer = api.post(path, right, "400 CARRIER_BILLING.INVALID_CODE").json()
        assert answer["message"].endswith(str(left))
    api.post(path, right, "400 CARRIER_BILLING.VALIDATION_FAILED")
    api.post(path, right, "400 CARRIER_BILLING.VALIDATION_FAILED")
    assert api.get(_payment(api, payment)).json()["paymentStatus"] == "denied"
    confirm = {"phoneNumber": phone("0000")}
    denied = _payment(api, payment, "/confirm")
    answer = api.post(denied, confirm, "403 CARRIER_BILLING.PAYMENT_DENIED").json()
    assert answer["message"].startswith("CODE_ATTEMPTS_EXCEEDED: ")
    api.post(_payment(api, payment, "/cancel"), confirm, "409 ALREADY_EXISTS")


def test_confirm_charges_and_says_so_from_then_on(api: Conforming) -> None:
    body = {"phoneNumber": phone("0000")}
    payment = api.carrier.prepared("0000")
    confirm = _payment(api, payment, "/confirm")
    api.post(confirm, body, "403 PERMISSION_DENIED")
    code = api.carrier.text_of("0000", payment).rpartition("#")[2]
    validate = {"authorizationId": payment["validationInfo"]["authorizationId"], "code": code}
    api.post(_payment(api, payment, "/validate"), validate, "204")
    api.post(_payment(api, payment, "/validate"), validate, "409 ALREADY_EXISTS")
    assert api.get(_payment(api, payment)).json()["paymentStatus"] == "reserved"
    api.post(confirm, {}, "422 MISSING_IDENTIFIER")
    api.post(confirm, {"phoneNumber": "1"}, "400 INVALID_ARGUMENT", is_sound=False)
    api.post(confirm, {"phoneNumber": "+34629255833"}, "404 IDENTIFIER_NOT_FOUND")
    api.post(confirm, {"phoneNumber": phone("0001")}, "404 NOT_FOUND")
    api.post(f"{BILLING}/payments/NOBODY/confirm", body, "404 NOT_FOUND")
    api.post(confirm, body, "202")
    charged = api.get(_payment(api, payment)).json()
    assert charged["paymentStatus"] == "succeeded"
    assert charged["paymentDate"] >= charged["paymentCreationDate"]
    api.post(confirm, body, "409 CARRIER_BILLING.PAYMENT_CONFIRMED")
    api.post(_payment(api, payment, "/cancel"), body, "409 CARRIER_BILLING.PAYMENT_CONFIRMED")


def test_cancel_drops_the_reservation(api: Conforming) -> None:
    body = {"phoneNumber": phone("0000")}
    payment = api.carrier.reserved("0000")
    cancel = _payment(api, payment, "/cancel")
    api.post(cancel, {}, "422 MISSING_IDENTIFIER")
    api.post(cancel, {"phoneNumber": "1"}, "400 INVALID_ARGUMENT", is_sound=False)
    api.post(cancel, {"phoneNumber": "+34629255833"}, "404 IDENTIFIER_NOT_FOUND")
    api.post(f"{BILLING}/payments/NOBODY/cancel", body, "404 NOT_FOUND")
    api.post(cancel, body, "202")
    assert api.get(_payment(api, payment)).json()["paymentStatus"] == "cancelled"
    api.post(cancel, body, "409 CARRIER_BILLING.PAYMENT_CANCELLED")
    confirm = _payment(api, payment, "/confirm")
    api.post(confirm, body, "409 CARRIER_BILLING.PAYMENT_CANCELLED")


def test_list_of_payments(api: Conforming) -> None:
    merchant = prepare_body("0000")["amountTransaction"]["referenceCode"]
    created = []
    for _ in range(3):
        body = prepare_body("0000")
        meta = body["amountTransaction"]["paymentAmount"]["chargingMetaData"]
        meta["merchantIdentifier"] = merchant
        created.append(api.post(PREPARE, body, "201").json())
    mine = {"merchantIdentifier": merchant}
    first = api.get(LIST, params={**mine, "perPage": 2, "order": "asc"})
    assert [row["paymentId"] for row in first.json()] == [row["paymentId"] for row in created[:2]]
    assert first.headers["X-Total-Count"] == "3"
    assert first.headers["Content-Last-Key"] == "2"
    second = api.get(LIST, params={**mine, "perPage": 2, "page": 2, "order": "asc"})
    assert [row["paymentId"] for row in second.json()] == [created[2]["paymentId"]]
    assert second.headers["Content-Last-Key"] == "3"
    newest = api.get(LIST, params=mine).json()
    assert newest[0]["paymentId"] == created[2]["paymentId"]
    api.carrier.cancel("0000", created[0])
    cancelled = api.get(LIST, params={**mine, "paymentStatus": ["cancelled", "denied"]}).json()
    assert [row["paymentId"] for row in cancelled] == [created[0]["paymentId"]]
    since = created[1]["paymentCreationDate"]
    assert len(api.get(LIST, params={**mine, "paymentCreationDate.gte": since}).json()) == 2
    until = {**mine, "paymentCreationDate.lte": "2020-01-01T00:00:00Z"}
    assert api.get(LIST, params=until).json() == []


_WRONG_LISTS = [
    ({"CreationDate.gte": "yesterday"}, "INVALID_ARGUMENT"),
    ({"CreationDate.gte": "2026-01-01T00:00:00"}, "INVALID_ARGUMENT"),
    ({"Status": "unheard-of"}, "INVALID_ARGUMENT"),
    ({"order": "sideways"}, "INVALID_ARGUMENT"),
    ({"page": "first"}, "INVALID_ARGUMENT"),
    ({"page": "0"}, "OUT_OF_RANGE"),
    ({"perPage": "-1"}, "OUT_OF_RANGE"),
    ({"perPage": "1000"}, "OUT_OF_RANGE"),
    (
        {"CreationDate.gte": "2026-01-02T00:00:00Z", "CreationDate.lte": "2026-01-01T00:00:00Z"},
        "INVALID_DATE_RANGE",
    ),
]


@pytest.mark.parametrize(("query", "code"), _WRONG_LISTS, ids=str)
def test_wrong_list_queries(api: Conforming, query: dict[str, str], code: str) -> None:
    payment = api.carrier.prepared("0000")
    for path, prefix, family in (
        (LIST, "payment", "CARRIER_BILLING"),
        (f"{REFUND}/payments/{payment['paymentId']}/refunds", "refund", "CARRIER_BILLING_REFUND"),
    ):
        params = {
            name if name[0].islower() else f"{prefix}{name}": value for name, value in query.items()
        }
        expected = f"{family}.{code}" if code == "INVALID_DATE_RANGE" else code
        api.get(path, f"400 {expected}", params=params)


def test_refund_whole(api: Conforming) -> None:
    payment = api.carrier.paid("0000")
    path = f"{REFUND}/payments/{payment['paymentId']}/refunds"
    assert api.get(f"{path}/remaining-amount").json()["amount"] == 2200
    refund = api.post(path, {**refund_body(sink=True), "reason": "변심"}, "201").json()
    assert (refund["refundStatus"], refund["type"]) == ("succeeded", "total")
    assert api.get(f"{path}/{refund['refundId']}").json() == refund
    assert api.get(path).json() == [refund]
    assert api.get(f"{path}/remaining-amount").json()["amount"] == 0
    answer = api.post(path, refund_body(), "422 CARRIER_BILLING_REFUND.UNAUTHORIZED_AMOUNT").json()
    assert answer["message"].startswith("ALREADY_CANCELLED: ")


def test_refund_in_parts(api: Conforming) -> None:
    payment = api.carrier.paid("0000")
    path = f"{REFUND}/payments/{payment['paymentId']}/refunds"
    item = {"paymentItemId": "song", "amount": 700, "currency": "KRW", "description": "취소"}
    api.post(path, refund_body(amount=700, details=[item]), "201")
    mismatch = "422 CARRIER_BILLING_REFUND.REFUND_DETAILS_MISMATCH"
    api.post(path, refund_body(amount=600, details=[item]), mismatch)
    other = {**item, "paymentItemId": "other"}
    api.post(path, refund_body(amount=700, details=[other]), mismatch)
    tax = "422 CARRIER_BILLING_REFUND.TAXES_MANAGEMENT_MISMATCH"
    api.post(path, refund_body(amount=700, isTaxIncluded=False), tax)
    answer = api.post(
        path, refund_body(amount=1501), "422 CARRIER_BILLING_REFUND.UNAUTHORIZED_AMOUNT"
    ).json()
    assert answer["message"].startswith("CANCEL_AMOUNT_EXCEEDED: ")
    api.post(path, refund_body(amount=1000), "201")
    found = api.get(path, params={"perPage": 1, "refundStatus": "succeeded"})
    assert (len(found.json()), found.headers["X-Total-Count"]) == (1, "2")
    assert api.get(f"{path}/remaining-amount").json()["amount"] == 500
    api.post(path, refund_body(), "201")
    assert api.carrier.remaining(payment) == 0


def test_refund_in_parts_of_an_operator_that_refunds_in_whole_only(api: Conforming) -> None:
    payment = api.carrier.paid("7002")
    path = f"{REFUND}/payments/{payment['paymentId']}/refunds"
    denied = "403 CARRIER_BILLING_REFUND.REFUND_DENIED"
    assert (
        api.post(path, refund_body(amount=100), denied)
        .json()["message"]
        .startswith("PARTIAL_NOT_SUPPORTED: ")
    )
    assert api.get(path).json() == []
    api.post(path, refund_body(), "201")


def test_refund_errors(api: Conforming) -> None:
    payment = api.carrier.reserved("0000")
    path = f"{REFUND}/payments/{payment['paymentId']}/refunds"
    status = "422 CARRIER_BILLING_REFUND.INVALID_PAYMENT_STATUS"
    api.post(path, refund_body(), status)
    assert api.carrier.confirm("0000", payment).status_code == 202
    for wrong in (
        {},
        {"type": "total"},
        {**refund_body(), "type": "half"},
        {**refund_body(), "type": "partial"},
        _without(refund_body(), "amountTransaction", "referenceCode"),
        refund_body(amount=0),
        refund_body(amount=1, currency="EUR"),
        refund_body(amount=1, details=[]),
    ):
        api.post(path, wrong, "400 INVALID_ARGUMENT", is_sound=False)
    nobody = f"{REFUND}/payments/NOBODY/refunds"
    api.post(nobody, refund_body(), "404 NOT_FOUND")
    api.get(nobody, "404 NOT_FOUND")
    api.get(f"{nobody}/remaining-amount", "404 NOT_FOUND")
    api.get(f"{path}/NOTHING", "404 NOT_FOUND")
    body = refund_body(amount=100)
    api.post(path, body, "201")
    body["amountTransaction"]["refundAmount"]["chargingInformation"]["amount"] = 200
    answer = api.post(path, body, "400 INVALID_ARGUMENT").json()
    assert answer["message"] == "clientCorrelator already exist on server."


def test_refund_of_a_closed_month_and_of_a_prepaid_bill(api: Conforming) -> None:
    payment = api.carrier.paid("0000")
    moved = {"payment_id": payment["paymentId"], "charged_at": "2026-01-31T23:59:59+09:00"}
    assert api.carrier.post("/control/charges", moved).status_code == 204
    path = f"{REFUND}/payments/{payment['paymentId']}/refunds"
    code = "403 CARRIER_BILLING_REFUND.PAYMENT_NOT_ELIGIBLE_FOR_REFUND"
    assert api.post(path, refund_body(), code).json()["message"].startswith("CANCEL_MONTH_CLOSED: ")
    prepaid = api.carrier.paid("0030")
    path = f"{REFUND}/payments/{prepaid['paymentId']}/refunds"
    answer = api.post(path, refund_body(), "403 CARRIER_BILLING_REFUND.REFUND_DENIED").json()
    assert answer["message"].startswith("CANCEL_PREPAID_BILL: ")


def test_match(api: Conforming) -> None:
    body = {"phoneNumber": phone("0000"), "birthdate": "1990-01-31"}
    assert api.post(MATCH, body, "200").json() == {"birthdateMatch": "true"}
    other = {**body, "birthdate": "1990-02-01", "name": "김"}
    answers = {"birthdateMatch": "false", "nameMatch": "not_available"}
    assert api.post(MATCH, other, "200").json() == answers
    api.post(MATCH, {"birthdate": "1990-01-31"}, "422 MISSING_IDENTIFIER")
    combination = "400 KNOW_YOUR_CUSTOMER.INVALID_PARAM_COMBINATION"
    api.post(MATCH, {"phoneNumber": phone("0000")}, combination)
    api.post(MATCH, {**body, "phoneNumber": "+34629255833"}, "404 IDENTIFIER_NOT_FOUND")
    for wrong in ("19900131", "1990-02-30", 19900131):
        wrong_body = {**body, "birthdate": wrong}
        api.post(MATCH, wrong_body, "400 INVALID_ARGUMENT", is_sound=False)


def test_age(api: Conforming) -> None:
    body = {"phoneNumber": phone("0000"), "ageThreshold": 19}
    assert api.post(VERIFY, body, "200").json()["ageCheck"] == "true"
    more = {**body, "includeContentLock": True, "includeParentalControl": True}
    assert api.post(VERIFY, more, "200").json()["contentLock"] == "not_available"
    api.post(VERIFY, {"ageThreshold": 19}, "422 MISSING_IDENTIFIER")
    api.post(VERIFY, {**body, "phoneNumber": "+34629255833"}, "404 IDENTIFIER_NOT_FOUND")
    for wrong in (-1, 121):
        api.post(VERIFY, {**body, "ageThreshold": wrong}, "400 OUT_OF_RANGE", is_sound=False)
    api.post(VERIFY, {**body, "ageThreshold": "19"}, "400 INVALID_ARGUMENT", is_sound=False)
    without = {"phoneNumber": phone("0000")}
    api.post(VERIFY, without, "400 INVALID_ARGUMENT", is_sound=False)


def test_sim_swap(api: Conforming) -> None:
    body = {"phoneNumber": phone("0000")}
    assert api.post(SIM_CHECK, {**body, "maxAge": 2400}, "200").json() == {"swapped": False}
    assert api.post(SIM_DATE, body, "200").json()["latestSimChange"].startswith("2019-")
    for wrong in (0, 2401):
        api.post(SIM_CHECK, {**body, "maxAge": wrong}, "400 OUT_OF_RANGE", is_sound=False)
    api.post(SIM_CHECK, {**body, "maxAge": 1.5}, "400 INVALID_ARGUMENT", is_sound=False)
    for path in (SIM_CHECK, SIM_DATE):
        api.post(path, {}, "422 MISSING_IDENTIFIER")
        api.post(path, {"phoneNumber": "+34629255833"}, "404 IDENTIFIER_NOT_FOUND")


def test_every_operation_demands_the_bearer_and_a_sound_correlator(api: Conforming) -> None:
    post = [
        LIST,
        PREPARE,
        *(f"{BILLING}/payments/X/{action}" for action in ("validate", "confirm", "cancel")),
        f"{REFUND}/payments/X/refunds",
        MATCH,
        VERIFY,
        SIM_CHECK,
        SIM_DATE,
    ]
    get = [
        LIST,
        f"{BILLING}/payments/X",
        f"{REFUND}/payments/X/refunds",
        f"{REFUND}/payments/X/refunds/Y",
        f"{REFUND}/payments/X/refunds/remaining-amount",
    ]
    for method, path in [*(("post", path) for path in post), *(("get", path) for path in get)]:
        for wrong in ("", "Bearer", "Bearer wrong", "Basic dTpw"):
            headers = {"Authorization": wrong}
            api._checked(path, method, "401 UNAUTHENTICATED", headers=headers)
        headers = {"x-correlator": "not a correlator!"}
        response = api.carrier.http.request(method, path, headers=headers)
        api.file_of(path).check_response(method, path, response)
        assert response.json()["code"] == "INVALID_ARGUMENT"


def test_too_many_requests_on_order(api: Conforming) -> None:
    api.carrier.order_fault(operation="prepare", mode="error_429", phone="01090000099")
    api.post(PREPARE, prepare_body("0099"), "429 TOO_MANY_REQUESTS")
    api.post(PREPARE, prepare_body("0099"), "201")


def test_events_are_as_specified(api: Conforming) -> None:
    paid = api.carrier.paid("0000", sink=True)
    assert api.carrier.refund(paid, sink=True).status_code == 201
    cancelled = api.carrier.prepared("0000", sink=True)
    assert api.carrier.cancel("0000", cancelled).status_code == 202
    denied = api.carrier.prepared("0000", sink=True)
    for _ in range(5):
        api.carrier.validate("0000", denied, "wrong")
    kinds = {
        name: [_kind(api, event) for event in _events(api, payment)]
        for name, payment in (("paid", paid), ("cancelled", cancelled), ("denied", denied))
    }
    assert kinds == {
        "paid": [
            "payment-pending-validation",
            "payment-reserved",
            "payment-completed",
            "refund-completed",
        ],
        "cancelled": ["payment-pending-validation", "payment-cancelled"],
        "denied": ["payment-pending-validation", "payment-denied"],
    }
    last = _events(api, denied)[-1]["data"]
    assert last["denialReason"].startswith("CODE_ATTEMPTS_EXCEEDED: ")


def _events(api: Conforming, payment: dict[str, Any]) -> list[dict[str, Any]]:
    query = {"payment_id": payment["paymentId"]}
    return [row["body"] for row in api.carrier.get("/control/events", params=query).json()]


def _kind(api: Conforming, event: dict[str, Any]) -> str:
    family, _, kind = event["type"].rpartition(".")
    file = api.files[1] if "refund" in family else api.files[0]
    file.check_event(event)
    return str(kind)


def test_every_operation_is_driven_above(api: Conforming) -> None:
    """The bearer test alone calls every operation of the five files."""
    test_every_operation_demands_the_bearer_and_a_sound_correlator(api)
    assert api.seen == set().union(*(file.operations() for file in api.files))


def test_a_deviation_from_the_files_is_noticed() -> None:
    """A check without a firing example is no check."""
    billing, _, _, _, sim = (Specification(_FILES / f"{name}.yaml") for name in _NAMES)
    sim._check({"$ref": "#/components/schemas/SimSwapInfo"}, {"latestSimChange": None})
    info = {"$ref": "#/components/schemas/ValidationInfo"}
    billing._check(info, {"action": "open", "validationURL": "https://a"})
    wrong: list[tuple[Specification, dict[str, Any], Any]] = [
        (sim, {"$ref": "#/components/schemas/SimSwapInfo"}, {"latestSimChange": "yesterday"}),
        (billing, info, {"action": "open"}),
        (billing, info, {"action": "other"}),
        (billing, {"$ref": "#/components/schemas/CloudEvent"}, {"type": "payment"}),
    ]
    for file, schema, value in wrong:
        with pytest.raises(AssertionError):
            file._check(schema, value)
