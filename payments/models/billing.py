"""That a payer was told again, with the bill of the month (정보통신망법 §58①)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from payments.models.append_only import append_only
from payments.models.payments import Payment


class BillingNotice(models.Model):
    """One notice for one payment and month, or none because nothing was left on the bill."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="billing_notices")
    billing_month = models.CharField(max_length=7)
    billed_won = models.BigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = verbose_name_plural = _("청구 안내")
        constraints = [
            models.UniqueConstraint(
                name="billing_notice_once", fields=["payment", "billing_month"]
            ),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.payment_id} {self.billing_month}"
