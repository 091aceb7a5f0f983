"""KYC Match 0.4, KYC Age Verification 0.2 and SIM Swap 2.1: what the operator knows of a line."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from payments.carriers.sandbox import events, shape
from payments.carriers.sandbox.http import Answer, Call, Problem
from payments.carriers.sandbox.lines import Line

_NAMES: Final[dict[str, Any]] = dict.fromkeys(
    (
        "idDocument",
        "name",
        "givenName",
        "familyName",
        "middleNames",
        "familyNameAtBirth",
    ),
    shape.TEXT,
)
_MATCH_ONLY: Final[dict[str, Any]] = {
    **dict.fromkeys(
        (
            "nameKanaHankaku",
            "nameKanaZenkaku",
            "address",
            "streetName",
            "streetNumber",
            "postalCode",
            "region",
            "locality",
            "country",
            "houseNumberExtension",
            "cityOfBirth",
            "countryOfBirth",
            "nationality",
        ),
        shape.TEXT,
    ),
    "idDocumentType": {
        "type": "string",
        "enum": (
            "passport",
            "national_id_card",
            "residence_permit",
            "diplomatic_id",
            "driver_licence",
            "social_security_id",
            "other",
        ),
    },
    "idDocumentExpiryDate": shape.DATE,
    "gender": {"type": "string", "enum": ("MALE", "FEMALE", "OTHER")},
}
_MATCHABLE: Final[dict[str, Any]] = {
    **_NAMES,
    **_MATCH_ONLY,
    "birthdate": shape.DATE,
    "email": shape.EMAIL,
}
_MATCH = shape.obj(phoneNumber=shape.PHONE, **_MATCHABLE)
_VERIFY = shape.obj(
    ("ageThreshold",),
    ageThreshold={"type": "integer"},
    phoneNumber=shape.PHONE,
    **_NAMES,
    birthdate=shape.DATE,
    email=shape.EMAIL,
    includeContentLock=shape.BOOLEAN,
    includeParentalControl=shape.BOOLEAN,
)
_SIM_DATE = shape.obj(phoneNumber=shape.PHONE)
_SIM_CHECK = shape.obj(phoneNumber=shape.PHONE, maxAge={"type": "integer"})

_ACTIVATED: Final = datetime(2019, 3, 4, 1, 0, tzinfo=UTC)
_DEFAULT_MAXIMUM_AGE_HOURS: Final = 240


def match(call: Call) -> Answer:
    """Whether the birthdate belongs to the line; the operator holds nothing else to match."""
    call.check(_MATCH)
    line = call.line(call.body.get("phoneNumber"))
    asked = [name for name in _MATCHABLE if name in call.body]
    if not asked:
        raise Problem(
            400,
            "KNOW_YOUR_CUSTOMER.INVALID_PARAM_COMBINATION",
            "Indicated parameter combination is invalid",
        )
    answers = {f"{name}Match": "not_available" for name in asked}
    if "birthdate" in call.body:
        is_same = line.birthdate_matches and shape.day(call.body["birthdate"]) == line.birthdate
        answers["birthdateMatch"] = _words(is_same)
    return Answer(200, answers)


def age(call: Call) -> Answer:
    """Whether the line's owner is at least so many years old today in Korea."""
    call.check(_VERIFY)
    line = call.line(call.body.get("phoneNumber"))
    _in_range(call.body["ageThreshold"], 0, 120)
    years = _years(line.birthdate, timezone.localdate(call.now))
    answers: dict[str, Any] = {
        "ageCheck": _words(years >= call.body["ageThreshold"]),
        "verifiedStatus": True,
    }
    if call.body.get("includeContentLock"):
        answers["contentLock"] = "not_available"
    if call.body.get("includeParentalControl"):
        answers["parentalControl"] = "not_available"
    return Answer(200, answers)


def sim_date(call: Call) -> Answer:
    """When the SIM last changed, or when the line was activated."""
    call.check(_SIM_DATE)
    line = call.line(call.body.get("phoneNumber"))
    return Answer(200, {"latestSimChange": events.stamp(_sim_changed_at(line, call.now))})


def sim_check(call: Call) -> Answer:
    """Whether the SIM changed within the last hours."""
    call.check(_SIM_CHECK)
    line = call.line(call.body.get("phoneNumber"))
    hours = call.body.get("maxAge", _DEFAULT_MAXIMUM_AGE_HOURS)
    _in_range(hours, 1, 2400)
    since = call.now - timedelta(hours=hours)
    return Answer(200, {"swapped": _sim_changed_at(line, call.now) >= since})


def _sim_changed_at(line: Line, now: datetime) -> datetime:
    return now - timedelta(hours=20) if line.sim_swapped else _ACTIVATED


def _in_range(value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise Problem(400, "OUT_OF_RANGE", "Client specified an invalid range.")


def _years(birthdate: date, today: date) -> int:
    had_birthday = (today.month, today.day) >= (birthdate.month, birthdate.day)
    return today.year - birthdate.year - (not had_birthday)


def _words(truth: bool) -> str:  # noqa: FBT001
    return "true" if truth else "false"
