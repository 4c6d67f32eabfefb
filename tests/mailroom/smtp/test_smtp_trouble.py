"""The error policy itself, without a network: every stage and fault has a rule, and the rules keep their promises."""

from __future__ import annotations

import errno

import pytest

from mailroom.report import Action, Scope, Stage
from mailroom.smtp.reply import Reply
from mailroom.smtp.trouble import BEFORE_MAIL, FAULTS, STAGES, Fault, Trouble, connection_fault, report, telling
from mailroom.status import EnhancedStatus


def refused(stage: Stage, code: int) -> Trouble:
    return Trouble(stage, reply=Reply(code, (f"{code} words",)), remote="mx.example")


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_a_rule(fault: Fault) -> None:
    rule = FAULTS[fault]
    status = EnhancedStatus.parse(rule.status)
    assert status is not None
    assert status.permanent == rule.permanent
    assert not (rule.ours and rule.permanent)
    said = report(Trouble(Stage.MAIL, fault=fault, remote="mx.example"), "a@b.example", by_relay=False)
    assert (said.recipient, said.action, said.remote_mta) == ("a@b.example", Action.FAILED, "mx.example")
    assert said.diagnostic
    assert "{" not in said.diagnostic


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("by_relay", [True, False])
@pytest.mark.parametrize("code", [421, 450, 500, 530, 550, 554])
def test_refusals(stage: Stage, by_relay: bool, code: int) -> None:
    said = report(refused(stage, code), by_relay=by_relay)
    ours = stage is Stage.AUTH or (by_relay and (code == 530 or stage in BEFORE_MAIL))
    assert said.ours == ours
    assert said.permanent == (code >= 500 and STAGES[stage].final and not ours)
    assert said.reply_code == code
    assert said.status is None
    if ours:
        assert said.scope is Scope.SITE


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.TIMEOUT, Fault.GARBAGE])
@pytest.mark.parametrize("stage", Stage)
def test_silence_is_transient_and_ambiguous_after_the_final_dot_only(fault: Fault, stage: Stage) -> None:
    trouble = Trouble(stage, fault=fault)
    said = report(trouble, by_relay=True)
    assert not said.permanent
    assert said.ambiguous == (stage is Stage.DOT)
    assert trouble.next_host == (stage is not Stage.DOT)
    assert said.ours == (stage in BEFORE_MAIL)


def test_an_unknown_failure_is_transient() -> None:
    said = report(Trouble(Stage.MAIL), by_relay=False)
    assert (said.action, said.permanent) == (Action.FAILED, False)


def test_all_hosts_must_agree_on_a_final_no() -> None:
    no, later = refused(Stage.BANNER, 554), refused(Stage.BANNER, 450)
    silent = Trouble(Stage.CONNECT, fault=Fault.TIMEOUT)
    assert telling([no, no], by_relay=False) is no
    assert telling([no, later, silent], by_relay=False) is later
    assert telling([silent, no], by_relay=False) is silent
    assert telling([silent, later], by_relay=False) is later


@pytest.mark.parametrize(
    ("error", "address", "fault"),
    [
        (TimeoutError(), "192.0.2.1", Fault.TIMEOUT),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "192.0.2.1", Fault.UNREACHABLE),
        (OSError(errno.ENETUNREACH, "x"), "2001:db8::1", Fault.UNREACHABLE),
        (OSError(errno.EMFILE, "x"), "192.0.2.1", Fault.LOCAL),
        (OSError(errno.EMFILE, "x"), "2001:db8::1", Fault.LOCAL),
        (OSError(errno.EADDRNOTAVAIL, "x"), "192.0.2.1", Fault.LOCAL),  # no port left
        (OSError(errno.EADDRNOTAVAIL, "x"), "2001:db8::1", Fault.UNREACHABLE),  # no IPv6 here
        (OSError("several"), "", Fault.UNREACHABLE),
        (UnicodeError("label empty or too long"), "a..b", Fault.UNREACHABLE),
    ],
)
def test_errors_while_connecting(error: OSError | ValueError, address: str, fault: Fault) -> None:
    assert connection_fault(error, address) is fault
