"""Accounts: agents, staff and the people of a shop."""

from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, ClassVar

from django.contrib.auth.models import (
    AbstractBaseUser,
    BaseUserManager,
    PermissionsMixin,
)
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
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
    # What the person signed in with last: mails about the account speak it.
    language = models.CharField(max_length=5, default="ko", db_default="ko", editable=False)

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

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new password ends every session; whoever changes their own stays, in a new one."""
        has_new_password = self.pk is not None and getattr(self, "_password", None) is not None
        super().save(*args, **kwargs)
        if has_new_password:
            self.sessions.all().delete()


class Session(AbstractBaseSession):
    """A browser that is signed in, or on its way; payers have none (`portal.sessions`)."""

    account = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="sessions")

    class Meta(AbstractBaseSession.Meta):
        abstract = False
        default_permissions = ()

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        """What reads and writes these rows."""
        return import_module("portal.sessions").SessionStore  # type: ignore[no-any-return]


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


class SecondFactor(models.Model):
    """What somebody's authenticator app shares with us (`portal.second_factor`).

    On once `confirmed_at` is there. Tries and the last code taken live here and not in a cache:
    one conditional UPDATE each, so that a hundred guesses at once are five, and no code is used
    twice (design §3.7).
    """

    LIMIT = 5
    WINDOW = timedelta(minutes=15)
    SEALED = {"secret_sealed": "second_factor.secret"}

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="second_factor")
    # Base32, as people type it into an app.
    secret_sealed = models.CharField(max_length=200)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    # Which half minute since 1970 the last code taken belonged to.
    last_step = models.BigIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    since = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = verbose_name_plural = _("2단계 인증")
        default_permissions = ()
        permissions = [("reset_secondfactor", "2단계 인증을 재설정")]

    def __str__(self) -> str:
        return f"second factor of {self.user_id}"

    @property
    def secret(self) -> str:
        """The shared secret. Raises encryption.Unreadable."""
        return encryption.unseal(self.secret_sealed, place=self.SEALED["secret_sealed"])

    def take_try(self) -> bool:
        """Spend one try; False when none is left in this quarter of an hour."""
        is_over = Q(since__lt=Now() - self.WINDOW)
        taken = SecondFactor.objects.filter(Q(tries__lt=self.LIMIT) | is_over, pk=self.pk).update(
            tries=Case(When(is_over, then=1), default=F("tries") + 1),
            since=Case(When(is_over, then=Now()), default=F("since")),
        )
        return taken == 1

    def take_step(self, step: int) -> bool:
        """Use up a code and all before it; False when it, or a later one, was used already."""
        return (
            SecondFactor.objects.filter(pk=self.pk, last_step__lt=step).update(last_step=step) == 1
        )

    def forget_tries(self) -> None:
        """The code was right: start counting anew."""
        SecondFactor.objects.filter(pk=self.pk).update(tries=0)


class RecoveryCode(models.Model):
    """One way in without the app, kept as a keyed hash; good once."""

    factor = models.ForeignKey(SecondFactor, on_delete=models.CASCADE, related_name="codes")
    mac = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(name="recovery_code_once", fields=["factor", "mac"]),
        ]

    def __str__(self) -> str:
        return f"recovery code {self.pk}"


def _account_key(email: str) -> str:
    return encryption.blind_index(email.strip().lower(), kind="login")
