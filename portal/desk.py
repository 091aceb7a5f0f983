"""The agents' desk: Django's admin under our name and look."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

_NAMES = {
    "Payment": _("결제"),
    "Refund": _("환불"),
    "Message": _("문자와 메일"),
    "OutboxEvent": _("알림 대기열"),
    "CarrierCall": _("통신사와 은행 호출"),
    "Merchant": _("판매자"),
    "User": _("사람"),
}


class DeskSite(AdminSite):
    """Stock admin, our words."""

    site_header = _("Phonebill 고객센터")
    site_title = _("고객센터")
    index_title = _("오늘 할 일")
    enable_nav_sidebar = False

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The models under the names people here use, the desk first."""
        apps: list[Any] = super().get_app_list(request, app_label)
        for app in apps:
            for model in app["models"]:
                model["name"] = _NAMES.get(model["object_name"], model["name"])
        return sorted(apps, key=lambda app: app["app_label"] != "support")
