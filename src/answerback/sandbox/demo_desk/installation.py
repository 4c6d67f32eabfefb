"""Setting up the demo's desk, with its people only or with everything that happened there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from answerback.core import clock
from answerback.desk.running_rules import automating, defaults
from answerback.desk.telling import escalation
from answerback.outbound import cause_rules
from answerback.sandbox import receiver
from answerback.sandbox.demo_desk import names, people, story
from answerback.sandbox.demo_desk.cast import Cast
from answerback.sandbox.demo_desk.people import Credentials
from answerback.sandbox.demo_desk.playing import ReadMail, Stage
from answerback.sandbox.demo_desk.servers import Servers

FOUNDED = timedelta(days=30)  # before the first story
_NIGHT = time(3, 0)  # when solved tickets close
_OWN_RULE = ("refused by the gateway, rule 17", "recipient_restricted")  # what the fate "partner" says, and means
_ROUND_EVERY = timedelta(hours=3)  # how often the supervisors hear of what nobody has seen to
Happening = tuple[datetime, Callable[[], None]]


def install(read_mail: ReadMail) -> Credentials | None:
    """The whole desk. None where it stands already: then its credentials were given out before.

    `read_mail` reads a RawMail by its id (`inbound.process.process`; doors do not know each other).
    """
    with transaction.atomic():
        if people.is_there():
            return None
        with names.answering(), ThreadPoolExecutor(1) as beside:
            passwords = beside.submit(people.make_passwords)
            _play_everything(_found(), read_mail)
        return people.give_credentials(passwords.result())


def install_people() -> Credentials | None:
    """Accounts, groups and support addresses, without a ticket. None where they are there."""
    with transaction.atomic():
        if people.is_there():
            return None
        _found()
        return people.give_credentials(people.make_passwords())


def renew_credentials() -> Credentials:
    """New passwords and a new token, where the old ones are lost."""
    with transaction.atomic():
        return people.give_credentials(people.make_passwords())


def _found() -> people.Desk:
    with clock.at(clock.now() - FOUNDED):
        defaults.install()
        receiver.install()
        cause_rules.save_rule(None, *_OWN_RULE, by=None)
        return people.create()


def _play_everything(desk: people.Desk, read_mail: ReadMail) -> None:
    """All stories at once, step by step in order of time, so that what has a higher number is later."""
    stage = Stage(desk, Cast(desk.agents), Servers(), read_mail)
    for moment, happen in sorted([*_steps(stage), *_nights(), *_rounds(stage)], key=lambda happening: happening[0]):
        with clock.at(moment.astimezone(UTC)):
            happen()


def _steps(stage: Stage) -> list[Happening]:
    now = timezone.localtime(clock.now())
    return [
        (moment, lambda key=told.key, step=step: stage.play(key, step))  # type: ignore[misc]
        for told in story.load()
        for moment, step in zip(told.moments(now), told.steps, strict=True)
    ]


def _nights() -> list[Happening]:
    """What was solved long enough closes, every night."""
    now = timezone.localtime(clock.now())
    nights = [datetime.combine(now.date() - timedelta(days=days), _NIGHT, now.tzinfo) for days in range(30)]
    return [(night, _run_automations) for night in nights if night < now]


def _run_automations() -> None:
    automating.run()


def _rounds(stage: Stage) -> list[Happening]:
    """What is overdue is told when it was, and not all at once by the demo that starts."""
    last = clock.now() - timedelta(minutes=1)
    return [(last - _ROUND_EVERY * number, partial(_escalate, stage)) for number in range(FOUNDED // _ROUND_EVERY)]


def _escalate(stage: Stage) -> None:
    if escalation.escalate():
        stage.servers.carry({})
