"""Who sells."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from payments.calendar import Policy


class Merchant(models.Model):
    """A shop that takes carrier billing; every figure and every row of its data hangs on it."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60)
    phone = models.CharField(max_length=20)
    email = models.EmailField()
    hours = models.CharField(max_length=60, default="평일 10–18시")
    fee_bps = models.PositiveIntegerField(default=700, help_text="1/100 %")
    refund_days = models.PositiveSmallIntegerField(default=7)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = _("판매자")

    def __str__(self) -> str:
        return self.name

    @property
    def policy(self) -> Policy:
        """What this shop promises about money back."""
        return Policy(refund_days=self.refund_days)
