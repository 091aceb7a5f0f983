"""The page for what nobody foresaw."""

from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.template.loader import render_to_string

from portal.context import site


def server_error(request: HttpRequest) -> HttpResponse:
    """500 with the customer centre in it, from settings alone: the database may be what failed."""
    return HttpResponseServerError(render_to_string("500.html", site(request)))
