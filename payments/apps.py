"""The money: payment window, operators, refunds, ledger, notices, outbox."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _


class PaymentsConfig(AppConfig):
    """Complete without the desk: delete `support` and people still pay and are refunded."""

    name = "payments"
    verbose_name = _("결제와 정산")

    def ready(self) -> None:
        """A fresh database starts with rules."""
        # By name: its module needs the models, which are there from now on, not before.
        write = import_string("payments.starting_rules.write")
        post_migrate.connect(write, sender=self, dispatch_uid="payments.starting_rules")
