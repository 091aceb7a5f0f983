"""The design system, alive: every token and every component in every state. Sandbox mode only."""

from django.http import Http404, HttpRequest, HttpResponse


def page(request: HttpRequest) -> HttpResponse:
    """To come."""
    raise Http404
