"""Where operators send their events: CloudEvents, one bearer token per reservation.

An event is a bell. Nothing in it is believed; the payment is looked up at the operator.
"""

import hmac
import json

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from payments import checkout, encryption
from payments.models import CarrierCall

_LONGEST_BODY = 64_000


@csrf_exempt  # Operators have no cookie of ours; the bearer token is the proof.
@require_POST
def events(request: HttpRequest) -> HttpResponse:
    """Take one event: 204, or 400/401 with an ErrorInfo (Carrier Billing 0.5, callbacks)."""
    event = _read(request)
    if event is None:
        return _error(400, "INVALID_ARGUMENT", "not a CloudEvent")
    call = CarrierCall.objects.filter(
        kind=CarrierCall.Kind.PREPARE, carrier_tx=event["payment_id"]
    ).first()
    if call is None or not _is_authentic(request, call):
        return _error(401, "UNAUTHENTICATED", "unknown payment or token")
    checkout.note_event(
        payment_id=call.payment_id,
        event_id=event["id"],
        kind=event["type"],
        now=timezone.now(),
    )
    return HttpResponse(status=204)


def _read(request: HttpRequest) -> dict[str, str] | None:
    if len(request.body) > _LONGEST_BODY:
        return None
    try:
        content = json.loads(request.body)
        found = {
            "id": content["id"],
            "type": content["type"],
            "payment_id": content["data"]["paymentId"],
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if all(_is_name(value) for value in found.values()) else None


def _is_name(value: object) -> bool:
    # JSON can spell NUL and half a character, which PostgreSQL cannot keep.
    if not isinstance(value, str) or not 0 < len(value) <= 100:
        return False
    return value.isascii() and value.isprintable()


def _is_authentic(request: HttpRequest, call: CarrierCall) -> bool:
    shown = request.headers.get("authorization", "").removeprefix("Bearer ")
    return hmac.compare_digest(shown.encode(), encryption.event_token(call.order_ref).encode())


def _error(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"status": status, "code": code, "message": message}, status=status)
