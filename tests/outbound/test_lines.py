"""How many sessions a line wants, and how much each takes."""

from __future__ import annotations

import pytest

from answerback.outbound.claims import Claim, Lease
from answerback.outbound.lines import BATCH_MAX, STUCK_AFTER, Line, window_of
from mailroom.smtp.route import relay

NOW = 100.0


def line(waiting: int, quick: bool = True) -> Line:
    route = relay("smtp://127.0.0.1:25?tls=none")
    made = Line("relay", route, window_of(route, 10))
    made.batch = BATCH_MAX if quick else 1
    made.waiting.extend(Claim(Lease(number, 1), "relay", "b@customer.test", 4096) for number in range(waiting))
    return made


def with_sessions(made: Line, hanging: int = 0, talking: int = 0) -> Line:
    for number in range(hanging + talking):
        made.open_session().begins(NOW - STUCK_AFTER - 1 if number < hanging else NOW)
        made.carried += 1
    return made


@pytest.mark.parametrize(
    ("hanging", "talking", "waiting", "wants"),
    [
        (0, 0, 1, True),
        (0, 0, 0, False),
        (1, 0, 4, True),  # it may be the next to hang for minutes
        (9, 0, 36, True),
        (0, 1, 4, True),  # whether it hangs is not known yet
        (0, 3, 4, False),  # they are quick
        (0, 3, 100, True),
        (10, 0, 100, False),  # as many as there may be
    ],
)
def test_sessions_that_hang_take_no_mail(hanging: int, talking: int, waiting: int, wants: bool) -> None:
    assert with_sessions(line(waiting), hanging, talking).wants_session(NOW) is wants


@pytest.mark.parametrize(
    ("waiting", "quick", "taken"), [(1, True, 1), (4, True, 4), (20, True, 5), (200, True, 20), (20, False, 1)]
)
def test_what_waits_is_shared_but_not_too_thin(waiting: int, quick: bool, taken: int) -> None:
    assert len(line(waiting, quick).take()) == taken
