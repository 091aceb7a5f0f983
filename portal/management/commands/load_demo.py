"""Demo shops and accounts, for sandbox mode."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError

from payments.cycles import Cycle
from payments.models import Merchant, SettlementTerms
from portal import demo
from portal.models import User


class Command(BaseCommand):
    """Creates what is missing and leaves the rest alone; run it as often as you like."""

    help = "Create the demo shops and accounts (sandbox mode only)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError outside sandbox mode."""
        if not settings.SANDBOX:
            raise CommandError("Demo data exists in sandbox mode only. Set SANDBOX=1.")
        for shop in demo.SHOPS:
            merchant, _ = Merchant.objects.get_or_create(
                slug=shop.slug,
                defaults={"name": shop.name, "phone": shop.phone, "email": shop.email},
            )
            _user(shop.owner, name=shop.name, merchant=merchant)
            _terms(merchant)
        for agent in demo.AGENTS:
            user = _user(agent.email, name=agent.name, is_staff=True)
            user.groups.add(Group.objects.get(name=agent.role))
        self.stdout.write("demo shops and accounts are there")


def _terms(merchant: Merchant) -> None:
    """Settled day by day and paid at once, so that it can be watched."""
    if SettlementTerms.objects.filter(merchant=merchant).exists():
        return
    terms = SettlementTerms(merchant=merchant, cycle=Cycle.DAILY, payout_days=0)
    terms.set_account(bank="국민", number="90000012345678", holder=merchant.name)
    terms.save()


def _user(email: str, **fields: Any) -> User:
    existing = User.objects.filter(email=email).first()
    return existing or User.objects.create_user(email, demo.PASSWORD, **fields)
