"""The money: payment window, operators, refunds, ledger, notices, outbox."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PaymentsConfig(AppConfig):
    """Complete without the desk: delete `support` and people still pay and are refunded."""

    name = "payments"
    verbose_name = _("결제와 정산")
