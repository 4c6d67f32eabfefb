"""Each verb of the stories, carried out by the desk's own use cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from answerback.core import clock
from answerback.desk import change
from answerback.desk.composing import new_ticket, reply
from answerback.desk.fixing import recover
from answerback.outbound import envelopes, lifecycle, standing
from answerback.outbound.models import Delivery
from answerback.people.models import Account
from answerback.sandbox import reactions
from answerback.sandbox.demo_desk import files, letters, oddities
from answerback.sandbox.demo_desk.cast import Cast, customers
from answerback.sandbox.demo_desk.letters import Letter
from answerback.sandbox.demo_desk.people import Desk
from answerback.sandbox.demo_desk.servers import Servers
from answerback.sandbox.demo_desk.story import (
    Answers,
    Arrives,
    Changes,
    Corrects,
    Expires,
    Handles,
    Holds,
    Notes,
    Opens,
    Resends,
    Returns,
    Says,
    Step,
    Stops,
    Writes,
)
from answerback.sandbox.fates import FATES
from answerback.sandbox.reactions import Taken
from answerback.store import blobs, raw
from answerback.store.models import RawMail
from answerback.tickets import changes as ticket_changes
from answerback.tickets.changes import UNSET, NewAttachment, NewTicket
from mailroom import message
from mailroom.states import ARRIVED, Fact

ReadMail = Callable[[int], None]  # reads the RawMail of that id: `inbound.process.process`
# Where mail comes from: the played domains' SPF records allow the one and not the other.
_AT_HOME, _ELSEWHERE = "127.0.0.1", "192.0.2.25"


@dataclass
class Scene:
    """One story under way."""

    ticket_id: int = 0  # 0: nobody has written yet


@dataclass
class Stage:
    """Where all stories are played."""

    desk: Desk
    cast: Cast
    servers: Servers
    read_mail: ReadMail
    scenes: dict[str, Scene] = field(default_factory=dict)

    def play(self, story: str, step: Step) -> None:
        """Carry out the step, and then what servers say to the mail that it sets off."""
        scene = self.scenes.setdefault(story, Scene())
        _VERBS[type(step)](self, scene, step)
        self.servers.carry(self._words(step.says))

    def _words(self, says: Says) -> dict[int, Sequence[str]]:
        return {self.cast.person(key).pk: lines for key, lines in says.items()}

    def agent(self, key: str) -> Account:
        return self.desk.agents[key]


# Writing


def _write(stage: Stage, scene: Scene, step: Writes) -> None:
    stage.cast.person(step.by)
    sender = stage.cast.mailbox(step.by, step.address)
    got = None if step.anew else _last_got(stage, scene, step.by)
    letter = Letter(
        sender=sender,
        to=stage.desk.addresses[step.to].address if step.to else "",
        subject=step.subject,
        text=step.text,
        language=customers()[step.by].language,
        html=step.html,
        cc=[stage.cast.mailbox(key) for key in step.cc],
        files=step.files,
        inline=step.inline,
        quotes=step.quotes,
    )
    if got:
        answered = message.parse(envelopes.load([got.pk])[0].content)
        letter = replace(letter, answered=answered, to=answered.reply_to[0].spec)
    peer = _AT_HOME if step.proven else _ELSEWHERE
    received = _receive(stage, letters.octets(letter), sender.spec, letter.to, peer)
    if received.ticket_id is None:
        raise RuntimeError(f"{sender.spec} wrote {step.subject!r}, and it became no ticket: {received.reason}")
    scene.ticket_id = received.ticket_id


def _last_got(stage: Stage, scene: Scene, key: str) -> Delivery | None:
    """The newest mail of this conversation that reached them: what they answer."""
    got = Delivery.objects.filter(ticket_id=scene.ticket_id, person=stage.cast.person(key), state__in=ARRIVED)
    return got.order_by("-message__created_at", "-id").first() if scene.ticket_id else None


def _receive(stage: Stage, content: bytes, envelope_from: str, envelope_to: str, peer: str = _AT_HOME) -> RawMail:
    """Store the octets and have them read, as the doorway does."""
    domain = envelope_from.rpartition("@")[2] or "sandbox.test"
    row = raw.save(
        content,
        doorway="smtp",
        peer=peer,
        helo=f"mx.{domain}",
        envelope_from=envelope_from,
        envelope_to=[envelope_to],
    )
    stage.read_mail(row.pk)
    row.refresh_from_db()
    return row


def _open(stage: Stage, scene: Scene, step: Opens) -> None:
    by = stage.agent(step.by)
    opened = new_ticket.open_ticket(
        NewTicket(
            subject=step.subject,
            requester=stage.cast.person(step.whom),
            submitter=by.person,
            support_address=stage.desk.addresses[step.to],
            via="web",
            comment=reply.comment_of(by.person, reply.Reply(step.text, public=True, attachments=_stored(step.files))),
            status=step.status,
            assignee=by,
            tags=step.tags,
            ccs=stage.cast.people(step.cc),
        )
    )
    scene.ticket_id = opened.ticket_id


def _answer(stage: Stage, scene: Scene, step: Answers) -> None:
    answer = reply.Reply(
        text=step.text,
        html=step.html,
        public=True,
        attachments=_stored(step.files),
        status=step.status,
        replaces=[_failing(stage, scene, key).pk for key in step.replaces],
    )
    more = ticket_changes.Changes(add_ccs=stage.cast.people(step.cc))
    reply.reply(scene.ticket_id, answer, stage.agent(step.by), changes=more)


def _note(stage: Stage, scene: Scene, step: Notes) -> None:
    reply.reply(scene.ticket_id, reply.Reply(step.text, public=False), stage.agent(step.by))


def _stored(names: Sequence[str]) -> list[NewAttachment]:
    return [NewAttachment(blobs.save(files.content(name)), name, "/".join(files.content_type(name))) for name in names]


# Changing


def _change(stage: Stage, scene: Scene, step: Changes) -> None:
    wanted = ticket_changes.Changes(
        status=step.status or UNSET,
        priority=step.priority or UNSET,
        type=step.type or UNSET,
        assignee=stage.agent(step.assignee) if step.assignee else UNSET,
        group=stage.desk.groups[step.group] if step.group else UNSET,
        add_tags=step.tags,
        confirm_ccs=stage.cast.people(step.confirms),
    )
    change.change(scene.ticket_id, wanted, stage.agent(step.by))


# What comes back


def _return(stage: Stage, scene: Scene, step: Returns) -> None:
    """What the played server of that person sends back, to the newest mail it took."""
    fate = FATES[step.fate]
    fate = replace(fate, report=step.report or fate.report)
    delivery = _newest(stage, scene, step.whom)
    envelope = envelopes.load([delivery.pk])[0]
    [sent, *_later] = reactions.react(Taken(envelope.rcpt_to, envelope.mail_from, envelope.content, fate, clock.now()))
    _receive(stage, sent.content, sent.mail_from, sent.recipient)


def _arrive(stage: Stage, scene: Scene, step: Arrives) -> None:
    sent = oddities.ODDITIES[step.oddity](stage.desk.addresses["en"].address)
    _receive(stage, sent.content, sent.mail_from, sent.recipient)


# Putting right


def _correct(stage: Stage, scene: Scene, step: Corrects) -> None:
    failed = _failing(stage, scene, step.whom)
    recover.correct_address(failed.pk, step.address, stage.agent(step.by), and_resend=True)


def _resend(stage: Stage, scene: Scene, step: Resends) -> None:
    recover.resend([_failing(stage, scene, step.whom).pk], stage.agent(step.by))


def _handle(stage: Stage, scene: Scene, step: Handles) -> None:
    settle = recover.reached_by_phone if step.by_phone else recover.mark_handled
    settle(_failing(stage, scene, step.whom).pk, stage.agent(step.by), step.text)


def _stop(stage: Stage, scene: Scene, step: Stops) -> None:
    recover.stop(_newest(stage, scene, step.whom).pk, stage.agent(step.by))


def _hold(stage: Stage, scene: Scene, step: Holds) -> None:
    lifecycle.decide([_newest(stage, scene, step.whom).pk], Fact.HOLD, reason=f"rule:{step.rule}")


def _expire(stage: Stage, scene: Scene, step: Expires) -> None:
    lifecycle.decide([_newest(stage, scene, step.whom).pk], Fact.EXPIRE)


def _newest(stage: Stage, scene: Scene, key: str) -> Delivery:
    return Delivery.objects.filter(ticket_id=scene.ticket_id, person=stage.cast.person(key)).latest("id")


def _failing(stage: Stage, scene: Scene, key: str) -> Delivery:
    """The newest failure of an answer to that person that is still open."""
    person = stage.cast.person(key)
    chains = standing.open_failures(scene.ticket_id)
    return [chain.newest for chain in chains if chain.newest.person_id == person.pk][-1]


_VERBS: Mapping[type[Step], Callable[[Stage, Scene, Any], None]] = {
    Writes: _write,
    Opens: _open,
    Answers: _answer,
    Notes: _note,
    Changes: _change,
    Returns: _return,
    Corrects: _correct,
    Resends: _resend,
    Handles: _handle,
    Stops: _stop,
    Holds: _hold,
    Expires: _expire,
    Arrives: _arrive,
}
