"""Payment PINs (안심결제 비밀번호): not in the standard, as operators run them (domain §3.1).

Six digits, locked after five wrong ones in a row. Who asks about a line that is not a customer's or
has no PIN hears the same as who mistyped one.
"""

import hmac
from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils.crypto import salted_hmac

from payments.carriers.sandbox import shape
from payments.carriers.sandbox.http import Answer, Call, Problem
from payments.carriers.sandbox.lines import find
from payments.carriers.sandbox.models import Pin

_MOST_FAILURES: Final = 5
_DIGITS: Final = {"type": "string", "pattern": r"[0-9]{6}"}
_SET: Final = shape.obj(("phoneNumber", "pin"), phoneNumber=shape.PHONE, pin=_DIGITS)
_VERIFY: Final = _SET


def pin_set(call: Call) -> Answer:
    """The customer sets a PIN, which also unlocks it: on the phone or at the counter, in life."""
    call.check(_SET)
    line = call.line(call.body["phoneNumber"])
    fresh = {"pin_mac": _mac(line.digits, call.body["pin"]), "failures": 0}
    Pin.objects.update_or_create(phone=line.digits, defaults=fresh)
    return Answer(204)


@transaction.atomic
def pin_verify(call: Call) -> Answer:
    """Whether the PIN is the line's; 403 once it is locked."""
    call.check(_VERIFY)
    line = find(call.body["phoneNumber"], call.operator)
    if line is None:
        _mac("", call.body["pin"])
        return Answer(200, {"verified": False})
    Pin.objects.get_or_create(phone=line.digits, defaults={"pin_mac": ""})
    kept = Pin.objects.select_for_update().get(phone=line.digits)
    if kept.failures >= _MOST_FAILURES or (line.pin_is_locked and not kept.pin_mac):
        raise Problem(403, "PERMISSION_DENIED", "PIN_LOCKED: too many wrong PINs")
    wanted = kept.pin_mac or (_mac(line.digits, line.pin) if line.pin else "")
    is_right = hmac.compare_digest(wanted, _mac(line.digits, call.body["pin"]))
    Pin.objects.filter(pk=kept.pk).update(failures=0 if is_right else F("failures") + 1)
    return Answer(200, {"verified": is_right})


def _mac(phone: str, pin: str) -> str:
    return salted_hmac("payment-pin", f"{phone}:{pin}", algorithm="sha256").hexdigest()
