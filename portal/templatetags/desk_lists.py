"""What the admin's lists need to be read on a narrow screen."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils.html import format_html, strip_tags
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def labelled(cell: SafeString, headers: Sequence[Mapping[str, Any]], place: int) -> SafeString:
    """The admin's finished `<td …>` or `<th …>` with its column's name as `data-label`.

    The column of boxes to tick has an input for a name, which is none to read.
    """
    opening, rest = cell[:3], cell[3:]
    label = format_html(' data-label="{}"', strip_tags(headers[place]["text"]))
    return SafeString(f"{opening}{label}{rest}")
