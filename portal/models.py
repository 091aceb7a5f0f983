"""Accounts: agents, staff and the people of a shop."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import (
    AbstractBaseUser,
    BaseUserManager,
    PermissionsMixin,
)
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from payments import encryption
from payments.models import Merchant


class UserManager(BaseUserManager["User"]):
    """Creates accounts by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """An account; without a password nobody can sign in to it."""
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """An account that may do everything in the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who signs in. Agents are staff; merchants' people have a merchant, never both."""

    email = models.EmailField(_("이메일"), unique=True)
    name = models.CharField(_("이름"), max_length=40, blank=True)
    merchant = models.ForeignKey(
        Merchant,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="people",
        verbose_name=_("판매자"),
    )
    is_staff = models.BooleanField(_("고객센터 사람"), default=False)
    is_active = models.BooleanField(_("로그인할 수 있음"), default=True)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"

    class Meta:
        verbose_name = verbose_name_plural = _("계정")
        constraints = [
            models.CheckConstraint(
                name="user_staff_or_merchant",
                condition=~Q(is_staff=True, merchant__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email


class WorkerHeartbeat(models.Model):
    """One row: when a worker last showed that it lives (`/readyz` reads its age)."""

    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"seen {self.seen_at:%Y-%m-%d %H:%M:%S}"

    @classmethod
    def beat(cls, *, at: datetime) -> None:
        """Remember a sign of life."""
        WorkerHeartbeat.objects.bulk_create(
            [WorkerHeartbeat(pk=1, seen_at=at)],
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=["seen_at"],
        )


class Verification(models.Model):
    """One run of every invariant (`portal.verifying`), for people to read afterwards."""

    by = models.CharField(max_length=80)
    started_at = models.DateTimeField()
    # One object a rule: code, says, seconds, offenders.
    rules = models.JSONField()

    class Meta:
        verbose_name = verbose_name_plural = _("불변식 확인")

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M:%S}"


class LoginAttempt(models.Model):
    """How often somebody at one address tried to sign in to one account.

    Counted before the password is looked at, in one conditional UPDATE, so that a hundred guesses
    at once are still five (design §3.7). The account is kept as a keyed hash: people mistype
    passwords into this field.
    """

    LIMIT = 5
    WINDOW = timedelta(minutes=15)

    account = models.CharField(max_length=64)
    address = models.GenericIPAddressField()
    tries = models.PositiveSmallIntegerField(default=0)
    since = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(name="login_attempt_once", fields=["account", "address"]),
        ]

    def __str__(self) -> str:
        return f"{self.address}: {self.tries}"

    @classmethod
    def take(cls, *, email: str, address: str) -> bool:
        """Spend one try; False when none is left in this quarter of an hour."""
        account = _account_key(email)
        row = LoginAttempt(account=account, address=address)
        LoginAttempt.objects.bulk_create([row], ignore_conflicts=True)
        is_over = Q(since__lt=Now() - cls.WINDOW)
        taken = cls.objects.filter(
            Q(tries__lt=cls.LIMIT) | is_over, account=account, address=address
        ).update(
            tries=Case(When(is_over, then=1), default=F("tries") + 1),
            since=Case(When(is_over, then=Now()), default=F("since")),
        )
        return taken == 1

    @classmethod
    def forget(cls, *, email: str, address: str) -> None:
        """The password was right: start counting anew."""
        cls.objects.filter(account=_account_key(email), address=address).delete()


def _account_key(email: str) -> str:
    return encryption.blind_index(email.strip().lower(), kind="login")
