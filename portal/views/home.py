"""The front page: for whoever comes by."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from payments.models import Merchant


def home(request: HttpRequest) -> HttpResponse:
    """What this is, the shops to try it in, and the way to the customer centre."""
    merchants = Merchant.objects.filter(is_active=True).order_by("id")
    return render(request, "portal/home.html", {"merchants": merchants})
