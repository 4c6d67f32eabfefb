"""Who writes to us and who works here."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

LANGUAGES = [("en", "English"), ("de", "Deutsch")]


class Organization(models.Model):
    name = models.CharField(max_length=200, unique=True)
    domains = models.JSONField(default=list)


class Person(models.Model):
    """A customer or an agent. Signing in is `Account`'s matter."""

    name = models.CharField(max_length=200)
    organization = models.ForeignKey(Organization, null=True, blank=True, on_delete=models.SET_NULL)
    language = models.CharField(max_length=5, choices=LANGUAGES, blank=True)  # "" = not known
    phone = models.CharField(max_length=60, blank=True)
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()  # also where an address changed: search follows it
    erased_at = models.DateTimeField(null=True)  # all data of them is gone; the row is the author of emptied comments

    class Meta:
        indexes = [models.Index(fields=["updated_at", "id"], name="person_updated")]

    def __str__(self) -> str:
        return self.name


class PersonMerge(models.Model):
    """Two people turned out to be one. The row of the one stays, empty, so that old marks and links still lead on."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="merge")
    into = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="merges")
    by = models.ForeignKey("Account", null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()
    addresses = models.JSONField(default=list)  # that came along


class Group(models.Model):
    name = models.CharField(max_length=100, unique=True)

    def __str__(self) -> str:
        return self.name


class AccountManager(BaseUserManager["Account"]):
    def get_by_natural_key(self, username: str | None) -> Account:
        return self.select_related("person").get(email__iexact=username)


class Account(AbstractBaseUser):
    """Somebody who signs in: an agent or an admin. A supervisor is an agent with that flag."""

    class Role(models.TextChoices):
        AGENT = "agent"
        ADMIN = "admin"

    person = models.OneToOneField(Person, on_delete=models.PROTECT, related_name="account")
    email = models.EmailField(unique=True)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.AGENT)
    supervisor = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    signature = models.TextField(blank=True)
    theme = models.CharField(max_length=10, default="system")  # system, light, dark
    undo_seconds = models.PositiveSmallIntegerField(
        null=True
    )  # how long "send" can be taken back; None: as set for all
    groups = models.ManyToManyField(Group, related_name="members", blank=True)

    objects = AccountManager()
    USERNAME_FIELD = "email"

    @property
    def is_admin(self) -> bool:
        return self.role == self.Role.ADMIN

    def __str__(self) -> str:
        return self.person.name


class Identity(models.Model):
    """One address of a person. Carries whether mail to it arrives; only `people.identities` writes that."""

    class Deliverability(models.TextChoices):
        UNKNOWN = "unknown"  # nothing known
        DELIVERABLE = "deliverable"  # last time a server took it
        SUPPRESSED = "suppressed"  # mail is known to fail: we do not send until it ends

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="identities")
    address = models.CharField(max_length=320)  # as given
    normal = models.CharField(max_length=320, unique=True)  # mailroom.address.normalise
    domain = models.CharField(max_length=255, db_index=True)
    primary = models.BooleanField(default=False)
    verified = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    deliverability = models.CharField(max_length=12, choices=Deliverability.choices, default=Deliverability.UNKNOWN)
    since = models.DateTimeField(null=True)  # of the deliverability
    until = models.DateTimeField(null=True)  # a suppression ends by itself then
    cause = models.CharField(max_length=40, blank=True)
    smtp_code = models.PositiveSmallIntegerField(null=True)
    enhanced_code = models.CharField(max_length=12, blank=True)
    last_success_at = models.DateTimeField(null=True)
    last_failure_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person"], condition=models.Q(primary=True), name="one_primary_identity")
        ]
        indexes = [
            models.Index(fields=["deliverability", "-since", "-id"], name="identity_deliverability"),
        ]

    def __str__(self) -> str:
        return self.address


class DeliverabilityEntry(models.Model):
    """The ledger behind `Identity.deliverability`: one row per thing that counted. Each delivery event counts once."""

    class Kind(models.TextChoices):
        FAILURE = "failure"
        SUCCESS = "success"
        COMPLAINT = "complaint"
        MARKED_DELIVERABLE = "marked_deliverable"
        CORRECTED = "corrected"
        SUPPRESSED_AGAIN = "suppressed_again"  # "deliverable" was taken back

    identity = models.ForeignKey(Identity, on_delete=models.CASCADE, related_name="ledger")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    at = models.DateTimeField()
    delivery_event_id = models.BigIntegerField(null=True, unique=True)
    cause = models.CharField(max_length=40, blank=True)
    permanent = models.BooleanField(default=False)
    by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL)
    note = models.CharField(max_length=300, blank=True)


class BlockedSender(models.Model):
    """An address, or a whole domain, whose mail waits apart and becomes no ticket."""

    pattern = models.CharField(max_length=320, unique=True)  # mailroom.address.normalise of it, or "@domain"
    by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")
    since = models.DateTimeField()

    def __str__(self) -> str:
        return self.pattern


class ApiToken(models.Model):
    """A token for the API. Shown once; only its digest is kept."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=8)
    sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
