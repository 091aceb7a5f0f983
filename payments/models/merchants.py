"""Who sells."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from payments.calendar import Parts, Policy


class Merchant(models.Model):
    """A shop that takes carrier billing; every figure and every row of its data hangs on it."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60)
    phone = models.CharField(max_length=20)
    email = models.EmailField()
    hours = models.CharField(max_length=60, default="평일 10–18시")
    fee_bps = models.PositiveIntegerField(default=700, help_text="1/100 %")
    refund_days = models.PositiveSmallIntegerField(default=7)
    parts = models.CharField(
        _("일부 환불"),
        max_length=12,
        choices=[
            (Parts.ALWAYS.value, _("언제나")),
            (Parts.ON_THE_BILL.value, _("통신사가 일부 취소를 할 때만")),
            (Parts.NEVER.value, _("하지 않음")),
        ],
        default=Parts.ALWAYS.value,
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = _("판매자")

    def __str__(self) -> str:
        return self.name

    @property
    def policy(self) -> Policy:
        """What this shop promises about money back."""
        return Policy(refund_days=self.refund_days, parts=Parts(self.parts))
