"""The envelope of every call: bearer, correlator, JSON body, errors, faults on order."""

import hmac
import json
import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from payments.carriers.sandbox import faults, settings, shape
from payments.carriers.sandbox.lines import Line, find
from payments.carriers.sandbox.models import Fault, Payment

log = logging.getLogger(__name__)

_CORRELATOR = re.compile(r"[a-zA-Z0-9\-_:;./<>{}]{0,256}")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


class Problem(Exception):
    """A refusal the client is told about: {status, code, message}."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def invalid(message: str, code: str = "INVALID_ARGUMENT") -> Problem:
    """400: the request itself is wrong."""
    return Problem(400, code, message)


def not_found() -> Problem:
    """404: there is no such resource for this client."""
    return Problem(404, "NOT_FOUND", "The specified resource is not found.")


@dataclass(frozen=True)
class Call:
    """One authenticated request."""

    operator: str
    path: Mapping[str, str]
    body: dict[str, Any]
    query: QueryDict
    now: datetime
    fault: Fault | None = None

    def check(self, expected: shape.Shape) -> None:
        """Refuse a body of the wrong shape."""
        if complaint := shape.complaint(self.body, expected):
            raise invalid(f"{complaint}.")

    def line(self, phone: str | None) -> Line:
        """The line a two-legged request must name."""
        if phone is None:
            raise Problem(422, "MISSING_IDENTIFIER", "The phone number cannot be identified.")
        line = find(phone, self.operator)
        if line is None:
            raise Problem(404, "IDENTIFIER_NOT_FOUND", "phoneNumber not found.")
        return line


@dataclass(frozen=True)
class Answer:
    """What was decided. `lost` means the client never hears of it."""

    status: int
    payload: Any = None
    text: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False

    def response(self) -> HttpResponse:
        """As HTTP."""
        if self.text is not None:
            response = HttpResponse(self.text, "text/csv; charset=utf-8", self.status)
        elif self.payload is None:
            response = HttpResponse(status=self.status)
            del response.headers["Content-Type"]
        else:
            response = JsonResponse(
                self.payload,
                status=self.status,
                safe=False,
                json_dumps_params={"ensure_ascii": False},
            )
        for name, value in self.headers.items():
            response.headers[name] = value
        return response


Operation = Callable[[Call], Answer]
View = Callable[..., HttpResponseBase]


def error(problem: Problem) -> HttpResponse:
    """The error object of the standard."""
    return Answer(
        problem.status,
        {"status": problem.status, "code": problem.code, "message": problem.message},
    ).response()


def api(**operations: Operation) -> View:
    """A view for the operations by HTTP method; each one's function name is its fault name."""

    @csrf_exempt
    @wraps(next(iter(operations.values())))
    def view(request: HttpRequest, operator: str = "", **path: str) -> HttpResponse:
        sent = request.headers.get("x-correlator")
        is_sound = sent and _CORRELATOR.fullmatch(sent)
        correlator = sent if sent and is_sound else str(uuid.uuid4())
        try:
            _check_correlator(sent)
            response = _run(request, operations, operator, path)
        except Problem as problem:
            response = error(problem)
        except Exception:
            log.exception("The operation failed.")
            response = error(Problem(500, "INTERNAL", "Unknown server error."))
        response.headers["x-correlator"] = correlator
        return response

    return view


def _check_correlator(sent: str | None) -> None:
    if sent and not _CORRELATOR.fullmatch(sent):
        raise invalid("The x-correlator header does not match its pattern.")


def _run(
    request: HttpRequest, operations: Mapping[str, Operation], operator: str, path: dict[str, str]
) -> HttpResponse:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(
        token.strip().encode(), settings.API_TOKEN.encode()
    ):
        raise Problem(401, "UNAUTHENTICATED", "Missing, invalid or expired credentials.")
    operation = operations.get(request.method or "")
    if operation is None:
        raise Problem(405, "METHOD_NOT_ALLOWED", "The method is not allowed here.")
    call = Call(operator, path, _body(request), request.GET, timezone.now())
    name = getattr(operation, "__name__", "")
    fault = faults.take(name, lambda: _phone(call))
    return _answer(operation, call) if fault is None else _misbehave(operation, call, fault)


def _body(request: HttpRequest) -> dict[str, Any]:
    if request.method != "POST":
        return {}
    try:
        body = json.loads(request.body, parse_constant=_refuse_constant)
        # PostgreSQL keeps neither lone surrogates nor NUL.
        has_nul = b"\\u0000" in json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as problem:
        raise invalid("The body is not JSON.") from problem
    if has_nul or not isinstance(body, dict):
        raise invalid("The body is not a JSON object.")
    return body


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _phone(call: Call) -> str:
    if "payment_id" in call.path:
        phones = Payment.objects.filter(pk=call.path["payment_id"]).values_list("phone", flat=True)
        return next(iter(phones), "")
    transaction = call.body.get("amountTransaction")
    holder = transaction if isinstance(transaction, dict) else call.body
    return str(holder.get("phoneNumber", ""))


def _answer(operation: Operation, call: Call) -> HttpResponse:
    answer = operation(call)
    return _hang(settings.TIMEOUT_SECONDS) if answer.lost else answer.response()


def _hang(seconds: int) -> HttpResponse:
    """Keep the client waiting for nothing; what was decided is already committed."""
    connection.close()
    time.sleep(seconds)
    return HttpResponse(status=504, content_type="text/plain")


def _misbehave(operation: Operation, call: Call, fault: Fault) -> HttpResponse:
    seconds = settings.TIMEOUT_SECONDS if fault.seconds is None else fault.seconds
    if fault.mode == "timeout_before":
        return _hang(seconds)
    if fault.mode in faults.REFUSALS:
        raise Problem(*faults.REFUSALS[fault.mode])
    if fault.mode == "late":
        threading.Timer(seconds, _later, (operation, call)).start()
        return HttpResponse(status=504, content_type="text/plain")
    if fault.mode == "slow":
        connection.close()
        time.sleep(seconds)
    if fault.mode == "deny":
        call = Call(call.operator, call.path, call.body, call.query, call.now, fault)
    try:
        response = _answer(operation, call)
    except Problem as problem:
        response = error(problem)
    if fault.mode == "timeout_after":
        return _hang(seconds)
    if fault.mode == "error_after":
        raise Problem(*faults.REFUSALS["error_500"])
    if fault.mode == "garbage":
        return HttpResponse("<html><body>Bad gateway</body></html>")
    if fault.mode == "empty":
        return HttpResponse(content_type="application/json")
    return response


def _later(operation: Operation, call: Call) -> None:
    try:
        operation(call)
    except Problem:
        log.warning("A late operation was refused.")
    finally:
        connection.close()


class BrowserPolicy:
    """A strict content policy on everything, and no caching of anything."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request with our headers on it."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers.setdefault("Cache-Control", "no-store")
        return response
