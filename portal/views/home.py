"""The front page and the help page: for whoever comes by."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from payments import calendar
from payments.carriers import registry
from payments.models import Merchant


def home(request: HttpRequest) -> HttpResponse:
    """What this is, the shops to try it in, and the way to the customer centre."""
    merchants = Merchant.objects.filter(is_active=True).order_by("id")
    return render(request, "portal/home.html", {"merchants": merchants})


def help_page(request: HttpRequest) -> HttpResponse:
    """How to pay, how to cancel, questions, safe dealing, contact and hours."""
    now = timezone.now()
    cutoff = calendar.carrier_cutoff(now, calendar.Capabilities())
    context = {
        "carriers": registry.carriers(),
        "today_cutoff": cutoff if now < cutoff else None,
    }
    return render(request, "portal/help.html", context)
