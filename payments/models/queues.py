"""Rows that need a person, as lists of their own: who may see and decide them is said apart."""

from django.utils.translation import gettext_lazy as _

from payments.models.payments import Payment
from payments.models.refunds import Refund


class Review(Payment):
    """A payment that came to REVIEW. Only to look at: use cases move the payment."""

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = _("확인할 결제")


class FailedRefund(Refund):
    """A refund that failed. Only to look at: use cases move the refund."""

    class Meta:
        proxy = True
        verbose_name = _("실패한 환불")
        verbose_name_plural = _("실패한 환불 내역")
