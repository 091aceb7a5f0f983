"""The agents' desk: Django's admin under our name and look."""

from importlib import import_module
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _


class DeskSite(AdminSite):
    """Stock admin, our words."""

    site_header = _("Phonebill 고객센터")
    site_title = _("고객센터")
    index_title = _("오늘 할 일")
    enable_nav_sidebar = False

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # Rows go one by one, each on the trail.
        self.disable_action("delete_selected")

    def get_urls(self) -> list[Any]:
        """The admin's own pages, the leads' board and the look at every rule."""
        # Views need the models, which are not there yet when Django makes its site.
        board = import_module("portal.views.board")
        verify = import_module("portal.views.verify")
        return [
            path("board/", self.admin_view(board.page(self)), name="board"),
            path("board.csv", self.admin_view(board.as_csv), name="board-csv"),
            path("verify/", self.admin_view(verify.page(self)), name="verify"),
            *super().get_urls(),
        ]

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """To the one page for it, which counts wrong tries and tells the person by mail."""
        return redirect("portal:password")

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """The front page, with what waits for a person."""
        front = import_module("portal.views.front")
        return super().index(request, front.facts(request) | (extra_context or {}))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The models, the desk first."""
        apps: list[Any] = super().get_app_list(request, app_label)
        return sorted(apps, key=lambda app: app["app_label"] != "support")
