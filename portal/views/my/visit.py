"""The cookie of a visit to one's own payments, and the guard of every page behind the door."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect

from payments.models import Payment, PhoneVerification
from support import visits

_COOKIE = "my"
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, PhoneVerification, P], HttpResponseBase]


def visitors_only(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Hand the view its visit; whoever has none, or whose time is up, is asked to knock."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        visit = visits.open_visit(secret_of(request), now=timezone.now())
        if visit is None:
            return to_door(request)
        return view(request, visit, *args, **kwargs)

    return guarded


def to_door(request: HttpRequest) -> HttpResponse:
    """Back to the door, saying why when somebody had been inside."""
    url = reverse("portal:my")
    if secret_of(request):
        url += "?late=1"
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(url)
    return HttpResponseRedirect(url)


def own_payment(visit: PhoneVerification, reference: str) -> Payment:
    """One of the visitor's payments; anybody else's does not exist (404)."""
    return get_object_or_404(visits.payments_of(visit), reference=reference)


def secret_of(request: HttpRequest) -> str:
    """What this browser holds of a visit; empty when nothing."""
    return request.COOKIES.get(_COOKIE, "")


def remember(response: HttpResponse, secret: str) -> HttpResponse:
    """Give the browser its secret, for these pages only."""
    response.set_cookie(
        _COOKIE,
        secret,
        max_age=int(visits.VISIT_LASTS.total_seconds()),
        path=reverse("portal:my"),
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return response


def forget(response: HttpResponse) -> HttpResponse:
    """Take the secret back."""
    response.delete_cookie(_COOKIE, path=reverse("portal:my"), samesite="Lax")
    return response
