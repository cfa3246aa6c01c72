from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from solvent.models.profiles import RouterOptions
from solvent.models.router.breaker import Breaker, BreakerState

OPTIONS = RouterOptions(failures_to_open=3, first_open_s=1.0, max_open_s=10.0)
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def fail(breaker: Breaker, now: float = 0.0, *, sure: bool = False, trial: bool = False) -> Breaker:
    return breaker.failed(now, OPTIONS, 0.5, sure=sure, trial=trial)


def test_it_opens_at_the_third_failure_in_a_row() -> None:
    breaker = fail(fail(Breaker()))
    assert breaker.admits
    assert fail(breaker.answered(trial=False)).admits, "an answer between them starts the count anew"
    assert not fail(breaker).admits


def test_a_refused_connection_opens_it_at_once() -> None:
    assert fail(Breaker(), sure=True).state is OPEN


def test_half_open_lets_one_request_through_and_its_answer_closes_it() -> None:
    opened = fail(Breaker(), sure=True)
    half = opened.looked(opened.look_at, OPTIONS, 0.0, sound=True)
    assert (half.state, half.admits) == (HALF_OPEN, True)
    out = half.sent()
    assert not out.admits
    assert out.answered(trial=False).state is HALF_OPEN, "what was sent before says nothing of now"
    assert out.answered(trial=True) == Breaker()
    assert out.abandoned(trial=True).admits, "a cancelled trial leaves the place to another request"
    assert fail(out, trial=True).state is OPEN


def test_looking_before_the_time_changes_nothing() -> None:
    opened = fail(Breaker(), sure=True)
    assert opened.looked(opened.look_at - 0.01, OPTIONS, 0.0, sound=True) == opened


@given(st.integers(0, 200), st.floats(0, 1, exclude_max=True))
def test_the_back_off_doubles_up_to_the_longest_and_is_jittered_in_its_upper_half(looks: int, jitter: float) -> None:
    breaker = Breaker().failed(0.0, OPTIONS, jitter, sure=True, trial=False)
    now = 0.0
    for look in range(looks):
        longest = min(10.0, 2.0 ** min(look, 60))
        assert longest / 2 <= breaker.look_at - now <= longest
        now = breaker.look_at
        breaker = breaker.looked(now, OPTIONS, jitter, sound=False)
        assert breaker.state is OPEN


@dataclass
class Sent:
    trial: bool


EVENTS = st.lists(
    st.tuples(st.sampled_from(["send", "answer", "fail", "refuse", "cancel", "look", "unsound"]), st.integers(0, 7)),
    max_size=60,
)


@given(EVENTS)
def test_whatever_happens_no_request_is_admitted_while_open_and_one_while_half_open(
    events: list[tuple[str, int]],
) -> None:
    breaker, now = Breaker(), 0.0
    out: list[Sent] = []
    for kind, number in events:
        now += number / 4
        sent = out.pop(number % len(out)) if out and kind in {"answer", "fail", "refuse", "cancel"} else None
        before = breaker
        if kind == "send" and breaker.admits:
            out.append(Sent(trial=breaker.state is HALF_OPEN))
            breaker = breaker.sent()
        elif kind in {"look", "unsound"}:
            breaker = breaker.looked(now, OPTIONS, 0.3, sound=kind == "look")
        elif sent is not None and kind == "answer":
            breaker = breaker.answered(trial=sent.trial)
        elif sent is not None and kind == "cancel":
            breaker = breaker.abandoned(trial=sent.trial)
        elif sent is not None:
            breaker = breaker.failed(now, OPTIONS, 0.3, sure=kind == "refuse", trial=sent.trial)

        if before.state is OPEN and breaker.state is not OPEN:
            assert kind == "look", "only a look ends it"
            assert now >= before.look_at
            assert breaker.state is HALF_OPEN
        if before.state is HALF_OPEN and breaker.state is CLOSED:
            assert kind == "answer", "only a trial's answer closes it"
        if breaker.state is OPEN:
            assert not breaker.admits
            assert breaker.look_at > 0
        if breaker.on_trial:
            assert breaker.state is HALF_OPEN
            assert not breaker.admits
            assert any(each.trial for each in out), "the place of a trial is never lost"
        if breaker.state is CLOSED:
            assert breaker.failures < OPTIONS.failures_to_open
