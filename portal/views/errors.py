"""The pages for what nobody foresaw, and for what cannot be read."""

from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseServerError
from django.template.loader import render_to_string

from portal.context import site


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, from settings alone: the session may not have been read yet."""
    is_too_large = isinstance(exception, RequestDataTooBig | TooManyFilesSent)
    facts = {**site(request), "is_too_large": is_too_large}
    return HttpResponseBadRequest(render_to_string("400.html", facts))


def server_error(request: HttpRequest) -> HttpResponse:
    """500 with the customer centre in it, from settings alone: the database may be what failed."""
    return HttpResponseServerError(render_to_string("500.html", site(request)))
