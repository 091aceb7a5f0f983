"""Headers no library of ours sets."""

from collections.abc import Callable

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
