"""What is decided from a text, a distribution or a row of logprobs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from solvent.agents.decoding.completion import last_boundary, probability
from solvent.agents.decoding.confidence import Confidence, ConfidenceMeter, after_warm_up, bar, together
from solvent.agents.decoding.early_answer import stated
from solvent.agents.decoding.options import DecodingOptions
from solvent.agents.decoding.requirements import NEEDS, check
from solvent.agents.decoding.watching import PieceWatch
from solvent.errors import ConfigError
from solvent.models.base import CAPABILITIES, Chunk, ModelInfo, TokenLogprob
from solvent.models.profiles import ModelProfile, ThinkingMarkers

ON = {
    "no thinking": {"no_thinking": True},
    "thinking floor": {"thinking_floor_tokens": 1},
    "thinking ceiling": {"thinking_ceiling_tokens": 1},
    "end-of-thinking bias": {"end_bias": 1.0},
    "completion probe": {"completion_threshold": 0.5},
    "early answers": {"early_answers": 2},
    "confidence": {"confidence_window_tokens": 8},
    "markovian thinking": {"markovian_chunk_tokens": 200},
}
PROFILE = ModelProfile(
    name="mine", backend="openai", base_url="http://none.invalid/v1", context_tokens=1000,
    thinking=ThinkingMarkers(start="<think>", end="</think>"),
)  # fmt: skip


def info(*lacking: str) -> ModelInfo:
    return ModelInfo(
        name="mine", backend="openai", context_tokens=1000, exact_prompt_count=True, prompt_tokens_per_sample=True,
        capabilities=frozenset(CAPABILITIES - set(lacking)),
    )  # fmt: skip


@pytest.mark.parametrize("control", NEEDS)
def test_a_control_is_refused_where_one_of_its_needs_is_lacking(control: str) -> None:
    options = DecodingOptions.model_validate(ON[control])
    assert options.controls == (control,)
    assert not options.plain
    check(options, info(), PROFILE)
    for need in NEEDS[control]:
        with pytest.raises(ConfigError, match=f"profile mine.*{control}") as caught:
            check(options, info(need), PROFILE)
        assert caught.value.remedy
    unneeded = CAPABILITIES - NEEDS[control]
    check(options, info(*unneeded), PROFILE)


def test_thinking_needs_markers_and_says_where_they_go() -> None:
    bare = PROFILE.model_copy(update={"thinking": None})
    with pytest.raises(ConfigError, match=r"thinking markers.*\[thinking\]"):
        check(DecodingOptions(thinking_floor_tokens=5), info(), bare)
    check(DecodingOptions(confidence_window_tokens=5), info(), bare)


def test_ids_that_are_given_need_not_be_told() -> None:
    check(DecodingOptions(end_bias=1, end_bias_token=7), info("token_ids"), PROFILE)
    with pytest.raises(ConfigError, match="token ids"):
        check(DecodingOptions(thinking_floor_tokens=9, thinking_wait=12), info("token_ids"), PROFILE)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"no_thinking": True, "thinking_floor_tokens": 5}, "exclude"),
        ({"markovian_chunk_tokens": 100, "early_answers": 2}, "exclude"),
        ({"thinking_floor_tokens": 9, "thinking_ceiling_tokens": 8}, "under"),
        ({"confidence_cut": 1.0}, "confidence_window_tokens"),
        ({"markovian_chunk_tokens": 100, "markovian_carry_tokens": 51}, "half"),
        ({"thinking_wait": ""}, "thinking_wait"),
        ({"thinking_wait": -1}, "thinking_wait"),
        ({"thinking_flor_tokens": 5}, "thinking_flor_tokens"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(fields: dict[str, object], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        DecodingOptions.model_validate(fields)


@pytest.mark.parametrize(
    ("text", "since", "words", "place"),
    [
        ("a\n\nb\n\nc", 0, (), 4),
        ("a\n\nb\n \nc", 2, (), 4),
        ("a\n\nb", 3, (), None),
        ("a\n\nb", 2, (), 1),
        ("no paragraph\n", 0, (), None),
        ("\n\nb", 0, (), None),
        ("so. Wait, no", 0, ("Wait", "Hmm"), 3),
        ("so. Wait, no", 8, ("Wait",), None),
        ("so. Wait, no", 6, ("Wait",), 3),
        ("Waiter awaits", 0, ("Wait",), None),
        ("a. Hmm\n\nb", 0, ("Hmm",), 6),
    ],
)
def test_a_boundary_is_asked_about_once(text: str, since: int, words: tuple[str, ...], place: int | None) -> None:
    assert last_boundary(text, since, words) == place


@given(st.lists(st.text("a \n", max_size=4), min_size=1, max_size=8))
def test_chunk_by_chunk_no_boundary_is_found_twice(chunks: list[str]) -> None:
    text, found = "", []
    for chunk in chunks:
        since, text = len(text), text + chunk
        place = last_boundary(text, since)
        if place is not None:
            assert text[place:].lstrip(" ").startswith("\n")
            assert text[:place] == text[:place].rstrip()
            found.append(place)
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("top", "no", "expected"),
    [
        ([("Yes", math.log(0.6)), (" no", math.log(0.2))], ("no",), 0.75),
        ([("yes", math.log(0.3)), ("Yes", math.log(0.3)), ("No", math.log(0.2))], ("no",), 0.75),
        ([("maybe", -0.1)], ("no",), None),
        ([], ("no",), None),
        ([("yes", math.log(0.25)), ("x", -0.3)], (), 0.25),
        ([("x", -0.3)], (), 0.0),
        ([("No", 0.0)], ("no",), 0.0),
    ],
)
def test_the_probability_is_the_share_of_yes(
    top: list[tuple[str, float]], no: tuple[str, ...], expected: float | None
) -> None:
    assert probability(top, ("yes",), no) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("text", "answer"),
    [("42}", "42"), (" \\frac{1}{2}} so", "\\frac{1}{2}"), ("7\nmore", "7"), ("a  b", "a b"), ("", ""), ("}", "")],
)
def test_an_early_answer_ends_at_its_brace_or_line(text: str, answer: str) -> None:
    assert stated(text) == answer


def token(*values: float) -> TokenLogprob:
    return TokenLogprob(token="x", logprob=values[0], top=tuple((str(i), value) for i, value in enumerate(values)))


def test_the_lowest_window_counts_and_cuts_once_it_is_full() -> None:
    meter = ConfidenceMeter(2, bar=1.5)
    assert not meter.see([token(-0.25, -0.25)]), "no full window yet"
    assert meter.so_far == Confidence(0.25, 0.25, 1)
    assert not meter.see([token(-3.0, -5.0)]), "2.125 is above"
    assert meter.see([token(-0.25, -0.75)] * 2)
    assert meter.so_far == Confidence(0.5, (0.25 + 4 + 0.5 + 0.5) / 4, 4)


@given(st.lists(st.floats(0, 20), min_size=1, max_size=60), st.integers(1, 12))
def test_the_meter_agrees_with_the_definition(values: list[float], window: int) -> None:
    meter = ConfidenceMeter(window)
    for value in values:
        meter.see([token(-value)])
    windows = [values[end - window : end] for end in range(window, len(values) + 1)] or [values]
    assert meter.so_far is not None
    assert meter.so_far.lowest == pytest.approx(min(sum(each) / len(each) for each in windows))
    assert meter.so_far.mean == pytest.approx(sum(values) / len(values))


def test_tokens_without_likeliest_say_nothing() -> None:
    meter = ConfidenceMeter(1, bar=9.0)
    assert not meter.see([TokenLogprob(token="x", logprob=-1.0)])
    assert meter.so_far is None
    meter.see([TokenLogprob(token="x", logprob=-1.0, top=(("x", -1.0), ("y", -math.inf)))])
    assert meter.so_far == Confidence(1.0, 1.0, 1)


def test_the_bar_is_a_percentile_of_the_warm_up() -> None:
    assert bar([4, 1, 3, 2, 5], 0.5) == 3
    assert bar([1, 2], 0.25) == 1.75
    assert bar([1, 2, 3], 1.0) == 1
    assert bar([7], 0.1) == 7


@given(st.lists(st.floats(0, 20), min_size=1, max_size=40), st.floats(0.01, 1))
def test_at_least_the_share_to_keep_reaches_the_bar(lowest: list[float], keep: float) -> None:
    reached = sum(value >= bar(lowest, keep) - 1e-9 for value in lowest)
    assert reached >= math.floor(keep * (len(lowest) - 1))
    assert reached >= 1


def test_the_warm_up_sets_the_bar_once_it_is_over_and_never_over_a_given_one() -> None:
    options = DecodingOptions(confidence_window_tokens=8, confidence_warm_up=3, confidence_keep=0.5)
    assert after_warm_up(options, [1.0, 2.0]) is options
    assert after_warm_up(options, [1.0, 2.0, 3.0, 99.0]).confidence_cut == 2.0
    given_ = options.model_copy(update={"confidence_cut": 0.5})
    assert after_warm_up(given_, [1.0, 2.0, 3.0]) is given_
    assert after_warm_up(DecodingOptions(), [1.0] * 99) == DecodingOptions()


def test_pieces_together() -> None:
    assert together([]) is None
    assert together([Confidence(1.0, 2.0, 10), Confidence(0.5, 5.0, 20)]) == Confidence(0.5, 4.0, 30)


@given(st.lists(st.tuples(st.text("ab", min_size=1, max_size=3), st.integers(1, 4)), max_size=12), st.integers(0, 20))
def test_places_leave_at_most_so_many_tokens(pieces: list[tuple[str, int]], size: int) -> None:
    watch = PieceWatch(places=(size, size))
    total = 0
    for text, tokens in pieces:
        total += tokens
        watch.see(Chunk(index=0, text=text, tokens=total))
    record = watch.record()
    text = "".join(piece for piece, _ in pieces)
    before, counts = 0, {0: 0}
    for place, (piece, _) in enumerate(pieces):
        before += len(piece)
        counts[before] = sum(each for _, each in pieces[: place + 1])
    head, tail = record["head"], record["tail"]
    assert isinstance(head, int)
    assert isinstance(tail, int)
    assert counts[head] <= size
    assert total - counts[tail] <= size
    assert 0 <= head <= len(text)
    assert all(counts[place] <= counts[head] for place in counts if counts[place] <= size), "and no fewer than it could"
    assert all(counts[place] >= counts[tail] for place in counts if total - counts[place] <= size)
