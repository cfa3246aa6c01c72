from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from solvent.models.base import ChatRequest, Message
from solvent.models.profiles import RouterOptions
from solvent.models.router.choice import Candidate, choose, home, session_key

OPTIONS = RouterOptions(affinity_factor=2.0, affinity_slack_tokens=100)
NONE: frozenset[str] = frozenset()
NAMES = st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=2, max_size=6, unique=True)


@given(st.text(), NAMES, st.data())
def test_losing_an_endpoint_moves_only_its_own_sessions(key: str, names: list[str], data: st.DataObject) -> None:
    endpoints = [(name, data.draw(st.floats(0.1, 10), label=name)) for name in names]
    before = home(key, endpoints)
    lost = data.draw(st.sampled_from(names))
    after = home(key, [endpoint for endpoint in endpoints if endpoint[0] != lost])
    assert after == before or before == lost


def test_homes_are_spread_by_weight() -> None:
    homes = Counter(home(f"session {number}", [("a", 1.0), ("b", 1.0), ("c", 2.0)]) for number in range(4000))
    assert 850 < homes["a"] < 1150
    assert 1850 < homes["c"] < 2150


CANDIDATES = st.lists(
    st.builds(
        Candidate,
        name=st.text("abcdef", min_size=1, max_size=2),
        weight=st.floats(0.1, 10),
        outstanding_tokens=st.integers(0, 10**6),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda candidate: candidate.name,
)


@given(CANDIDATES, st.text("abcdef", min_size=1, max_size=2), st.frozensets(st.text("abcdef", min_size=1, max_size=2)))
def test_the_choice_is_the_home_or_the_least_loaded(
    candidates: list[Candidate], wanted: str, avoid: frozenset[str]
) -> None:
    chosen = choose(wanted, candidates, OPTIONS, avoid)
    fresh = [candidate for candidate in candidates if candidate.name not in avoid] or candidates
    least = min(candidate.load for candidate in fresh)
    taken = next(candidate for candidate in fresh if candidate.name == chosen)
    if chosen == wanted:
        assert taken.load <= 2.0 * least + 100 / taken.weight or taken.load == least
    else:
        assert taken.load == least
        assert all(c.load > 2.0 * least + 100 / c.weight for c in fresh if c.name == wanted), "the home was overloaded"


def test_without_candidates_there_is_no_choice() -> None:
    assert choose("a", [], OPTIONS, NONE) is None


def _request(*turns: tuple[str, str], session: str | None = None) -> ChatRequest:
    messages = tuple(Message.model_validate({"role": role, "content": content}) for role, content in turns)
    return ChatRequest(messages=messages, session=session)


def test_the_turns_of_a_conversation_are_one_session_and_another_opening_is_another() -> None:
    first = _request(("system", "s"), ("user", "one"))
    later = _request(("system", "s"), ("user", "one"), ("assistant", "a"), ("user", "two"))
    other = _request(("system", "s"), ("user", "two"))
    assert session_key(first) == session_key(later) != session_key(other)
    assert session_key(_request(("user", "x"), session="job-1")) == "job-1"
