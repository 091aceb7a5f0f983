"""What operators tell us by themselves."""

from django.db import models

from payments.models.payments import Payment


class InboundEvent(models.Model):
    """One notification. It only rings the bell: the truth is asked of the operator."""

    event_id = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=120)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="inbound")
    received_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.kind
