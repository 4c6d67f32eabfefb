"""The outbox and its history: messages, deliveries, attempts, events, resolutions.

Only `outbound.lifecycle` writes `Delivery.state`.
"""

from __future__ import annotations

from django.db import models

from answerback.people.models import Account, Identity, Person
from answerback.tickets.models import Comment, Event, SupportAddress, Ticket
from mailroom.causes.own import OwnRule
from mailroom.states import State


class Message(models.Model):
    """The octets of one notification, the same for all its recipients but for a few headers of each delivery."""

    class Kind(models.TextChoices):
        ANSWER = "answer"  # carries an agent's public comment to requester and CCs
        AUTOMATIC = "automatic"  # acknowledgements and the like to customers
        AGENT = "agent"  # notifications to agents
        SYSTEM = "system"  # no ticket: password resets
        PROBE = "probe"  # no ticket and no person: its failure has to be told (`way_back`)

    kind = models.CharField(max_length=10, choices=Kind.choices)
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.CASCADE, related_name="messages")
    comment = models.ForeignKey(Comment, null=True, on_delete=models.SET_NULL, related_name="messages")
    notification = models.OneToOneField(Event, null=True, on_delete=models.SET_NULL, related_name="message")
    trigger_id = models.BigIntegerField(null=True)
    trigger_title = models.CharField(max_length=200, blank=True)
    support_address = models.ForeignKey(
        SupportAddress, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    email_id = models.CharField(max_length=26)  # ULID
    message_id = models.CharField(max_length=255)  # with angle brackets
    subject = models.CharField(max_length=998)
    header = models.BinaryField()  # mailroom.compose.Composed.header
    body = models.BinaryField()  # mailroom.compose.Composed.body
    smtputf8 = models.BooleanField(default=False)
    language = models.CharField(max_length=5)
    size = models.BigIntegerField()
    created_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)  # its octets are gone with a person: it is never sent again

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["email_id"], name="message_email_id_once"),
            models.UniqueConstraint(fields=["message_id"], name="message_message_id_once"),
        ]


class Delivery(models.Model):
    """One message to one recipient."""

    class Role(models.TextChoices):
        TO = "to"
        CC = "cc"

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="deliveries")
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    kind = models.CharField(max_length=10, choices=Message.Kind.choices)  # the message's, for the claim order
    person = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="deliveries")
    identity = models.ForeignKey(Identity, null=True, on_delete=models.SET_NULL, related_name="deliveries")
    participant_id = models.BigIntegerField(null=True)  # tickets.Participant, for the Reply-To token
    recipient = models.CharField(max_length=320)  # the RCPT
    role = models.CharField(max_length=4, choices=Role.choices)
    header = models.BinaryField(null=True)  # a corrected resend writes To/Cc anew; None: the message's
    state = models.CharField(max_length=10, choices=[(state.value, state.value) for state in State])
    destination = models.CharField(max_length=255)  # lane: the relay or the recipient's domain
    priority = models.PositiveSmallIntegerField(default=1)  # 0 an agent's answer, 1 automatic
    # the lease: whoever holds it writes the outcome, and only with this number
    owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)  # a lane in trouble is probed every minute, for weeks perhaps
    next_attempt_at = models.DateTimeField(null=True)  # set exactly while queued or deferred: the claim looks only here
    waited_seconds = models.BigIntegerField(default=0)  # with its lane's, time lost by faults of ours (lost_time)
    waiting_since = models.DateTimeField(null=True)  # a fault of ours that met this message alone began
    # the last thing that was said
    smtp_code = models.PositiveSmallIntegerField(null=True)
    enhanced_code = models.CharField(max_length=12, blank=True)
    diagnostic = models.TextField(blank=True)
    cause = models.CharField(max_length=40, blank=True)
    permanent = models.BooleanField(default=False)
    ours = models.BooleanField(default=False)  # the last failure was our own fault
    ambiguous = models.BooleanField(default=False)  # may have arrived already (RFC 1047)
    delay_warned = models.BooleanField(default=False)
    remote_mta = models.CharField(max_length=300, blank=True)
    told_by = models.CharField(max_length=20, blank=True)  # a provider (outbound.providers) whose event it is
    final_hop = models.BooleanField(default=False)  # accepted by the recipient's own MX, not by a relay
    hold_reason = models.CharField(max_length=100, blank=True)  # "suppressed", "restored", "rule:<title>"
    stopped_by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    resent_from = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="resends", db_index=False
    )
    resent_by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    queued_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    failed_at = models.DateTimeField(null=True)  # since when it is failing: failed, stopped, or held by suppression

    class Meta:
        # every mail pays for each of them: foreign keys have one only where a query or a deletion needs it
        indexes = [
            models.Index(
                fields=["destination", "priority", "next_attempt_at"],
                condition=models.Q(next_attempt_at__isnull=False),
                name="delivery_due",
            ),
            models.Index(fields=["ticket", "id"], name="delivery_ticket"),
            models.Index(fields=["recipient", "-id"], name="delivery_recipient"),
            models.Index(
                fields=["resent_from"], condition=models.Q(resent_from__isnull=False), name="delivery_resent_from"
            ),
            models.Index(fields=["resent_by"], condition=models.Q(resent_by__isnull=False), name="delivery_resent_by"),
            models.Index(
                fields=["stopped_by"], condition=models.Q(stopped_by__isnull=False), name="delivery_stopped_by"
            ),
            models.Index(fields=["state", "lease_until"], name="delivery_lease"),
            # search: what arrives without trouble has no cause and costs nothing here
            models.Index(fields=["cause", "-id"], condition=~models.Q(cause=""), name="delivery_cause"),
            models.Index(fields=["enhanced_code", "-id"], condition=~models.Q(cause=""), name="delivery_status"),
            models.Index(fields=["smtp_code", "-id"], condition=~models.Q(cause=""), name="delivery_reply"),
            models.Index(
                fields=["-failed_at", "-id"], condition=models.Q(failed_at__isnull=False), name="delivery_failed"
            ),
        ]


class Attempt(models.Model):
    """One SMTP try of one delivery."""

    # the constraint below finds them by their delivery
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempt_rows", db_index=False)
    number = models.PositiveIntegerField()
    owner = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)  # None: under way, or the worker died
    outcome = models.CharField(max_length=10, blank=True)  # accepted, deferred, failed
    stage = models.CharField(max_length=10, blank=True)
    smtp_code = models.PositiveSmallIntegerField(null=True)
    enhanced_code = models.CharField(max_length=12, blank=True)
    diagnostic = models.TextField(blank=True)
    remote_mta = models.CharField(max_length=300, blank=True)
    ambiguous = models.BooleanField(default=False)
    ours = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_once")]


class DeliveryEvent(models.Model):
    """What we concluded from a fact. The row is the queue for `desk.delivery_events` (handled_at is null)."""

    # no index of its own: one of those below begins with it
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="events", db_index=False)
    at = models.DateTimeField()
    fact = models.CharField(max_length=20)  # mailroom.states.Fact
    from_state = models.CharField(max_length=10)
    to_state = models.CharField(max_length=10)  # the same as from_state where the fact moved nothing
    source = models.CharField(max_length=10)  # mailroom.report.Source, or "agent"
    match = models.CharField(max_length=20, blank=True)  # session, return_path, token, ... how it was matched
    smtp_code = models.PositiveSmallIntegerField(null=True)
    enhanced_code = models.CharField(max_length=12, blank=True)
    diagnostic = models.TextField(blank=True)
    cause = models.CharField(max_length=40, blank=True)
    permanent = models.BooleanField(default=False)
    ours = models.BooleanField(default=False)
    feedback_type = models.CharField(max_length=20, blank=True)
    remote_mta = models.CharField(max_length=300, blank=True)
    told_by = models.CharField(max_length=20, blank=True)
    origins = models.JSONField(default=dict)  # of a report: value -> where in it (DeliveryReport.told_from)
    raw_mail_id = models.BigIntegerField(null=True)
    by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    handled_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=models.Q(handled_at__isnull=True), name="delivery_event_unhandled"),
            models.Index(fields=["delivery", "id"], name="delivery_event_delivery"),
            models.Index(fields=["at"], name="delivery_event_time"),
            models.Index(fields=["by"], condition=models.Q(by__isnull=False), name="delivery_event_by"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["delivery", "raw_mail_id", "fact"],
                condition=models.Q(raw_mail_id__isnull=False),
                name="report_counts_once",
            )
        ]


class Resolution(models.Model):
    """Why a failure is no longer open. A row, not a state; revoked when the new delivery fails later."""

    class How(models.TextChoices):
        RESENT = "resent"
        CORRECTED = "corrected"
        REPLIED = "replied"
        HANDLED = "handled"
        PHONED = "phoned"
        TAKEN_BACK = "taken_back"  # a resend that was stopped before it went: it is no failure, the one before it is

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="resolutions")
    how = models.CharField(max_length=10, choices=How.choices)
    by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")
    by_delivery = models.ForeignKey(Delivery, null=True, on_delete=models.SET_NULL, related_name="resolves")
    note = models.TextField(blank=True)
    at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["at"], name="resolution_time")]


class FailureChange(models.Model):
    """The newest change of a delivery that failed. Ids tell the order of changes; only `failure_feed` writes them."""

    class What(models.TextChoices):
        FAILED = "failed"
        RESOLVED = "resolved"
        REOPENED = "reopened"
        RELEASED = "released"  # was held, and is on its way

    delivery = models.OneToOneField(Delivery, on_delete=models.CASCADE, related_name="failure_change")
    what = models.CharField(max_length=10, choices=What.choices)
    open = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=models.Q(open=True), name="failure_change_open"),
            models.Index(fields=["at"], name="failure_change_at"),
        ]


class Replacement(models.Model):
    """“Reply again”: this comment is to reach whom the failed delivery did not; or it is not (`denied_at`)."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="replacements")
    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="+")  # whom it is to reach
    denied_at = models.DateTimeField(null=True)  # "no, this answer does not replace it"
    denied_by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "comment"], name="replacement_once")]


class CauseRule(models.Model):
    """An administrator's own rule: words of a reply, and the cause that they mean. Only `cause_rules` writes it."""

    words = models.CharField(max_length=300)  # as mailroom.causes.own leaves them
    cause = models.CharField(max_length=40)
    position = models.PositiveIntegerField()
    by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")  # who wrote it last
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)  # can be taken back for a while

    class Meta:
        ordering = ["position", "id"]

    @property
    def own(self) -> OwnRule:
        return OwnRule(self.words, self.cause)


class Probe(models.Model):
    """A mail to an address known to be bad: the report about it has to come back. Only `way_back` writes it."""

    class Result(models.TextChoices):
        WAITING = "waiting"  # on its way, or its report is
        RETURNED = "returned"  # a report came and proved itself
        MISSING = "missing"  # accepted, and no report in time
        REFUSED = "refused"  # at once, in the SMTP dialogue: nobody had to report
        ARRIVED = "arrived"  # somebody took it, perhaps we ourselves: every address is taken there
        UNSENT = "unsent"  # not accepted in time

    way = models.CharField(max_length=255)  # `destinations.way`: a relay, or straight to the recipients' servers
    delivery = models.OneToOneField(Delivery, on_delete=models.CASCADE, related_name="probe")
    tried = models.CharField(max_length=1000)  # the settings it tries: where others hold, another probe is due
    result = models.CharField(max_length=10, choices=Result.choices, default=Result.WAITING)
    by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")  # who asked for it
    started_at = models.DateTimeField()
    looked_at = models.DateTimeField()  # when somebody last looked whether it came back
    unwatched_seconds = models.BigIntegerField(default=0)  # nobody looked: we were not running
    concluded_at = models.DateTimeField(null=True)
    unproven_at = models.DateTimeField(null=True)  # a report came that named it and proved nothing
    arrived_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["way", "-concluded_at"], name="probe_newest")]
        constraints = [
            models.UniqueConstraint(fields=["way"], condition=models.Q(result="waiting"), name="one_probe_at_a_time")
        ]


class DkimKey(models.Model):
    """A private key that signs mail of one domain. Only `dkim_keys` writes it."""

    domain = models.CharField(max_length=255)
    selector = models.CharField(max_length=63)
    private = models.BinaryField()  # PKCS #8, DER, sealed
    made_at = models.DateTimeField()
    in_use_since = models.DateTimeField(null=True)  # None: its record is not known to be in DNS

    class Meta:
        constraints = [models.UniqueConstraint(fields=["domain", "selector"], name="dkim_selector_once")]


class Lane(models.Model):
    """What we know of a destination: a relay, or a domain when we send to MX directly."""

    UNLIMITED = "unlimited"

    destination = models.CharField(max_length=255, unique=True)
    paused_at = models.DateTimeField(null=True)
    paused_by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")
    resumed_at = models.DateTimeField(null=True)  # the end of the last pause
    trouble_since = models.DateTimeField(null=True)  # our own fault there: login refused, relay down
    trouble_ended_at = models.DateTimeField(null=True)  # the last one that is over
    waited_seconds = models.BigIntegerField(default=0)  # time lost by those that are over, all of them
    last_error = models.TextField(blank=True)
    last_cause = models.CharField(max_length=40, blank=True)
    last_error_at = models.DateTimeField(null=True)
    size_limit = models.BigIntegerField(default=0)  # octets of a message, as the server announced; 0: not known
    rate = models.CharField(max_length=20, blank=True)  # outbound.pace.Rate, or UNLIMITED; "": as the settings say
    rate_at = models.DateTimeField(null=True)
    rate_by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")
    used_until = models.DateTimeField(null=True)  # of the rate, by all workers together
    updated_at = models.DateTimeField()


class Traffic(models.Model):
    """What one worker does at one destination right now. Only `outbound.traffic` writes it."""

    destination = models.CharField(max_length=255)
    owner = models.CharField(max_length=64)
    sessions = models.PositiveIntegerField()
    sessions_allowed = models.PositiveIntegerField()
    silent = models.BooleanField()  # nobody answers there: one session probes, or all of them wait for a word
    noted_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["destination", "owner"], name="traffic_once")]


class LaneFigures(models.Model):
    """What servers said in five minutes, and how old the queue was. Only `outbound.alarms` writes it."""

    destination = models.CharField(max_length=255)
    start = models.DateTimeField()
    taken = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)  # now, for good, or by a later report; no faults of ours
    oldest_due = models.PositiveIntegerField(default=0)  # seconds

    class Meta:
        constraints = [models.UniqueConstraint(fields=["destination", "start"], name="lane_figures_once")]
        indexes = [models.Index(fields=["start"], name="lane_figures_time")]


class LaneAlarm(models.Model):
    """A destination does worse than usual. Only `outbound.alarms` writes it."""

    class Kind(models.TextChoices):
        FAILING = "failing"  # more refusals than usual; `measured` is their share
        OLD = "old"  # mail waits longer than usual; seconds
        REFUSES = "refuses"  # by a fault of ours nothing leaves there; seconds

    destination = models.CharField(max_length=255)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    since = models.DateTimeField()
    told_at = models.DateTimeField(null=True)  # None: it may be over before anybody has to know
    ended_at = models.DateTimeField(null=True)
    usual = models.FloatField(null=True)  # None: there was no past to compare with
    bar = models.FloatField()  # from where on it is an alarm, as it was when it began
    measured = models.FloatField()  # at the last look
    taken = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["destination", "kind"], condition=models.Q(ended_at__isnull=True), name="one_alarm_at_a_time"
            )
        ]
        indexes = [models.Index(fields=["destination", "-since"], name="lane_alarm_history")]
