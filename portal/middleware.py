"""What no library of ours does: headers, NUL in addresses, the trail, whom a proxy is believed."""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from portal import second_factor
from support import audit
from support.models import AuditEntry

_WATCHED_PREFIXES = ("/admin/", "/merchant/", "/account/")
# Where somebody gets who still has to set up the second factor: there, and out.
_BEFORE_SECOND_FACTOR = frozenset(
    {"portal:second-factor", "portal:login", "portal:login-code", "portal:logout", "admin:logout"}
)
_PUBLIC_PREFIXES = ("/static/", "/help/", "/shop/")


class BrowserPolicy:
    """Turn off what pages never use, and keep personal pages out of caches."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request with our headers on it."""
        response = self.get_response(request)
        response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), usb=()"
        if not request.path.startswith(_PUBLIC_PREFIXES):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class NoNul:
    """Answer 400 to an address with a NUL in it: PostgreSQL has no text that could match.

    Forms refuse it by themselves, beside the field.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on what could be somebody's address."""
        if "\0" in request.path_info or "%00" in request.META["QUERY_STRING"]:
            raise BadRequest("NUL in the address")
        return self.get_response(request)


class AuditTrail:
    """Write down who was turned away, and who took a file, behind the doors of desk and shops.

    Here and not in the views, so that no view can forget it. Addresses go in without their query.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; a file is on record before its first byte leaves."""
        request.client_address = client_address(request)  # type: ignore[attr-defined]
        response = self.get_response(request)
        if not request.path.startswith(_WATCHED_PREFIXES) or not request.user.is_authenticated:
            return response
        is_file = response.headers.get("Content-Disposition", "").startswith("attachment")
        if is_file or response.status_code == 403:
            actions = AuditEntry.Action
            # A view that knows says what was taken, and the data of whom it holds.
            subject, person = getattr(request, "taken", (request.path, ""))
            audit.record(
                actions.EXPORTED if is_file else actions.DENIED,
                actor=_actor(request),
                subject=subject,
                person=person,
                at=timezone.now(),
                address=request.client_address,  # type: ignore[attr-defined]
            )
        return response


class SecondFactorFirst:
    """Show staff nothing outside the sandbox before their session has a second factor.

    Here and not in the views, so that no view can forget it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        """The way to the set-up page, when it is missing."""
        match = request.resolver_match
        if not request.path_info.startswith(_WATCHED_PREFIXES) or match is None:
            return None
        if match.view_name in _BEFORE_SECOND_FACTOR or not request.user.is_authenticated:
            return None
        if second_factor.is_required(request.user) and not request.session.get(
            second_factor.IN_SESSION
        ):
            return redirect("portal:second-factor")
        return None


def _actor(request: HttpRequest) -> str:
    kind = "staff" if getattr(request.user, "is_staff", False) else "person"
    return f"{kind}:{request.user.pk}"


def client_address(request: HttpRequest) -> str:
    """The address a request comes from, for counting tries.

    Behind TRUSTED_PROXIES proxies of our own it is what the outermost of them wrote into
    X-Forwarded-For; whatever stands left of that the client wrote itself. Without a trusted proxy,
    or when the header is too short or holds no address, it is whoever connected.
    """
    connected: str = request.META["REMOTE_ADDR"]
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    if not 0 < settings.TRUSTED_PROXIES <= len(hops):
        return connected
    try:
        return str(ip_address(hops[-settings.TRUSTED_PROXIES]))
    except ValueError:
        return connected
