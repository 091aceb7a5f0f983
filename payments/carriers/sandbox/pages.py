"""Pages for people: the customers' phones and mailboxes, and the page behind the texted link."""

import re
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from payments.carriers.sandbox import billing, letters
from payments.carriers.sandbox.events import stamp
from payments.carriers.sandbox.lines import LINES, find, national
from payments.carriers.sandbox.models import Message, Payment

_SHOWN = 50
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
# A mail is somebody else's page: it may look as it likes and do nothing.
_MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; form-action 'none'"


@require_safe
def phones(request: HttpRequest) -> HttpResponse:
    """Every documented line and what happens on it."""
    return render(request, "sandbox/phones.html", {"lines": LINES})


@require_safe
def phone(request: HttpRequest, digits: str) -> HttpResponse:
    """One phone and its texts, newest first."""
    if re.fullmatch(r"[0-9+ -]{9,20}", digits, re.ASCII) is None:
        raise Http404
    number = national(digits)
    return _mailbox(
        request,
        "sms",
        number,
        {
            "title": f"{number[:3]}-{number[3:-4]}-{number[-4:]}",
            "line": find(f"+82{number[1:]}"),
            "empty": "아직 받은 문자가 없습니다.",
        },
    )


@require_safe
def mailboxes(request: HttpRequest) -> HttpResponse:
    """To the mailbox that was asked for; every address has one."""
    address = request.GET.get("address", "").strip().lower()
    if _ADDRESS.fullmatch(address) is None:
        return redirect("phones")
    return redirect("mail", address)


@require_http_methods(["GET", "HEAD", "POST"])
def mail(request: HttpRequest, address: str) -> HttpResponse:
    """One mailbox, newest first, and a sheet to write to the customer centre."""
    owner = address.strip().lower()
    received = Message.objects.filter(channel="email", recipient=owner)
    answered = received.filter(message_id=request.GET.get("answer", "")).first()
    can_write = letters.can_be_written() and _ADDRESS.fullmatch(owner) is not None
    if request.method == "POST":
        text = request.POST.get("text", "").strip()
        if not (can_write and text):
            raise Http404
        subject = request.POST.get("subject", "")
        letters.write(sender=owner, subject=subject, text=text, answered=answered)
        return redirect(f"{reverse('mail', args=[owner])}?sent=1")
    context = {
        "title": owner,
        "empty": "아직 받은 메일이 없습니다.",
        "can_write": can_write,
        "answered": answered,
        "to": letters.recipient(answered),
        "subject": f"Re: {answered.subject}" if answered else "",
        "is_sent": "sent" in request.GET,
    }
    return _mailbox(request, "email", owner, context)


@require_safe
def opened_mail(request: HttpRequest, address: str, message_id: str) -> HttpResponse:
    """One mail as its sender drew it."""
    found = Message.objects.filter(
        channel="email", recipient=address.strip().lower(), message_id=message_id
    ).first()
    if found is None or not found.html:
        raise Http404
    return HttpResponse(found.html, headers={"Content-Security-Policy": _MAIL_POLICY})


def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Show seller and amount; only the button confirms, because scanners open links."""
    now = timezone.now()
    if request.method == "POST":
        if billing.confirm_by_link(token, now):
            return redirect("confirmed", token=token)
        return _moot(request)
    payment = billing.by_link(token, Payment.objects.all())
    if payment is None or not billing.link_is_open(payment, now):
        return _moot(request)
    return render(request, "sandbox/confirm.html", _slip(payment))


@require_GET
def confirmed(request: HttpRequest, token: str) -> HttpResponse:
    """What was confirmed, after the button."""
    payment = billing.by_link(token, Payment.objects.all())
    if payment is None or payment.link_used_at is None:
        return _moot(request)
    return render(request, "sandbox/confirmed.html", _slip(payment))


def _slip(payment: Payment) -> dict[str, Any]:
    number = national(payment.phone)
    return {
        "seller": payment.seller,
        "amount": billing.won(payment.amount_won),
        "item": payment.payment_amount["chargingInformation"]["description"],
        "phone": f"{number[:3]}-****-{number[-4:]}",
    }


def _moot(request: HttpRequest) -> HttpResponse:
    return render(request, "sandbox/moot.html", status=410)


def _mailbox(
    request: HttpRequest, channel: str, recipient: str, context: dict[str, Any]
) -> HttpResponse:
    rows = Message.objects.filter(channel=channel, recipient=recipient).order_by("-pk")[:_SHOWN]
    if request.GET.get("format") == "json":
        return JsonResponse(
            [_message(row, channel) for row in rows],
            safe=False,
            json_dumps_params={"ensure_ascii": False},
        )
    return render(request, "sandbox/mailbox.html", {"messages": list(rows), **context})


def _message(row: Message, channel: str) -> dict[str, Any]:
    described = {
        "id": row.message_id,
        "at": stamp(row.created_at),
        "sender": row.sender,
        "text": row.text,
    }
    if channel == "email":
        described |= {"subject": row.subject, "html": row.html}
    return described
