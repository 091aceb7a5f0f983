"""What no library of ours does: headers, and addresses PostgreSQL cannot look up."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

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
