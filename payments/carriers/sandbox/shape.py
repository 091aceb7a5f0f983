"""Checks a JSON value against a shape: the few keywords of JSON Schema our bodies need."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

Shape = Mapping[str, Any]

_LARGEST = Decimal(10) ** 15

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}


def moment(value: str) -> datetime:
    """A date-time of RFC 3339 with its time zone; ValueError for anything else."""
    if not re.fullmatch(
        r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", value, re.ASCII
    ):
        raise ValueError(value)
    return datetime.fromisoformat(value.upper().replace("Z", "+00:00")).astimezone(UTC)


def day(value: str) -> date:
    """A full-date of RFC 3339; ValueError for anything else."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        raise ValueError(value)
    return date.fromisoformat(value)


def complaint(value: Any, shape: Shape, path: str = "body") -> str:
    """What is wrong with the value, or an empty text."""
    kind = shape.get("type")
    if kind and not _is(value, kind):
        return f"{path} must be of type {kind}"
    if isinstance(value, dict):
        return _object_complaint(value, shape, path)
    if isinstance(value, list):
        if len(value) < shape.get("minItems", 0):
            return f"{path} must not be empty"
        return _first(
            complaint(item, shape.get("items", {}), f"{path}[{index}]")
            for index, item in enumerate(value)
        )
    return _scalar_complaint(value, shape, path)


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _first(complaints: Any) -> str:
    return next((text for text in complaints if text), "")


def _object_complaint(value: dict[str, Any], shape: Shape, path: str) -> str:
    for name in shape.get("required", ()):
        if name not in value:
            return f"Expected property is missing: {name}"
    properties: Shape = shape.get("properties", {})
    return _first(
        complaint(value[name], properties[name], f"{path}.{name}")
        for name in properties
        if name in value
    )


def _scalar_complaint(value: Any, shape: Shape, path: str) -> str:
    if "enum" in shape and value not in shape["enum"]:
        return f"{path} must be one of {', '.join(shape['enum'])}"
    if isinstance(value, str):
        if "pattern" in shape and not re.fullmatch(shape["pattern"], value, re.ASCII):
            return f"{path} does not match the pattern"
        return _format_complaint(value, shape.get("format", ""), path)
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = Decimal(str(value))
        if not number.is_finite() or abs(number) > _LARGEST:
            return f"{path} is too large"
        if number < Decimal(str(shape.get("minimum", "-Infinity"))):
            return f"{path} is too small"
        if "multipleOf" in shape and number % Decimal(shape["multipleOf"]):
            return f"{path} must be a multiple of {shape['multipleOf']}"
    return ""


def _format_complaint(value: str, form: str, path: str) -> str:
    try:
        if form == "date":
            day(value)
        elif form == "date-time":
            moment(value)
        elif form == "email" and not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
            return f"{path} is not an e-mail address"
    except (ValueError, OverflowError):
        return f"{path} is not a {form}"
    return ""


def obj(required: tuple[str, ...] = (), **properties: Shape) -> Shape:
    """An object with these properties; others are let through."""
    return {"type": "object", "required": required, "properties": properties}


TEXT: Shape = {"type": "string"}
BOOLEAN: Shape = {"type": "boolean"}
DATE: Shape = {"type": "string", "format": "date"}
EMAIL: Shape = {"type": "string", "format": "email"}
PHONE: Shape = {"type": "string", "pattern": r"\+[1-9][0-9]{4,14}"}
AMOUNT: Shape = {"type": "number", "minimum": "0.001", "multipleOf": "0.001"}
TAX: Shape = {"type": "number", "minimum": "0", "multipleOf": "0.001"}
SINK_CREDENTIAL = obj(
    ("credentialType",),
    credentialType={"type": "string", "enum": ("PLAIN", "ACCESSTOKEN", "REFRESHTOKEN")},
    accessToken=TEXT,
    accessTokenExpiresUtc={"type": "string", "format": "date-time"},
    accessTokenType=TEXT,
)
CHARGING_INFORMATION = obj(
    ("amount", "currency", "description"),
    amount=AMOUNT,
    currency=TEXT,
    description=TEXT,
    isTaxIncluded=BOOLEAN,
    taxAmount=TAX,
)


def item(identifier: str) -> Shape:
    """One line of paymentDetails or refundDetails."""
    return obj(
        (identifier, "amount", "currency", "description"),
        **{identifier: TEXT},
        amount=AMOUNT,
        currency=TEXT,
        description=TEXT,
        isTaxIncluded=BOOLEAN,
        taxAmount=TAX,
    )
