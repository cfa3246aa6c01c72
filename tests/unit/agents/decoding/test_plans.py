"""The plans, without a model: whatever comes, no token too many is asked for and no text is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.agents.decoding.markovian import think_in_chunks
from solvent.agents.decoding.no_thinking import without_thinking
from solvent.agents.decoding.options import DecodingOptions
from solvent.agents.decoding.pieces import Came, Piece, Plan, Reply, closed, overlap, plain
from solvent.agents.decoding.thinking import think
from solvent.models.profiles import ThinkingMarkers

MARKERS = ThinkingMarkers(start="<think>", end="</think>")
OPENED = ThinkingMarkers(start="<think>", end="</think>", in_prompt=True)


@dataclass
class Course:
    """What was asked and what came of it."""

    reply: Reply
    pieces: list[Piece] = field(default_factory=list)
    came: list[Came] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        return sum(came.tokens for came in self.came)

    @property
    def written(self) -> list[tuple[Piece, Came]]:
        return [(piece, came) for piece, came in zip(self.pieces, self.came, strict=True) if not piece.probe]


def carry_out(plan: Plan, answer: Callable[[Piece], Came]) -> Course:
    course = Course(Reply("", "length"))
    try:
        piece = next(plan)
        while True:
            course.pieces.append(piece)
            course.came.append(answer(piece))
            assert len(course.pieces) < 1000, "it does not end"
            piece = plan.send(course.came[-1])
    except StopIteration as done:
        course.reply = done.value
    return course


def in_turn(*came: Came) -> Callable[[Piece], Came]:
    left = list(came)
    return lambda piece: left.pop(0)


def stop(text: str, tokens: int, by: str | None = None) -> Came:
    return Came(text, "stop", tokens, stop_text=by)


def full(text: str, tokens: int) -> Came:
    return Came(text, "length", tokens)


def any_answer(data: st.DataObject) -> Callable[[Piece], Came]:
    """A model that may do anything that the protocol allows."""
    words = st.sampled_from(["a", "b ", "\n\n", "Wait", "<think>", "</think>", "</th", "}", "\n"])

    def answer(piece: Piece) -> Came:
        text = "".join(data.draw(st.lists(words, max_size=4)))
        tokens = data.draw(st.integers(0, piece.max_tokens))
        stopped_by = next((word for word in piece.stop if word in text), None)
        if stopped_by is not None:
            text = text[: text.index(stopped_by)]
        finish = data.draw(st.sampled_from(["stop", "stop", "length", "full", "cut"]))
        record: dict[str, Any] = {"top": [["Yes", -0.1], ["No", -3.0]] if data.draw(st.booleans()) else []}
        if piece.places is not None:
            record["head"] = data.draw(st.integers(0, len(text))) if piece.places[0] else 0
            record["tail"] = data.draw(st.integers(0, len(text)))
        if stopped_by is not None:
            return Came(text, "stop", max(1, tokens), stopped_by, record=record)
        if finish == "full":
            return Came(text, "length", piece.max_tokens, record=record)
        if finish == "cut" and not piece.probe:
            return Came(text, "length", tokens, cut=True, record=record)
        return Came(text, "stop" if finish == "stop" else "length", tokens, record=record)

    return answer


controls = st.fixed_dictionaries(
    {},
    optional={
        "thinking_floor_tokens": st.integers(0, 30),
        "thinking_waits": st.integers(1, 3),
        "thinking_ceiling_tokens": st.integers(30, 60),
        "answer_reserve_tokens": st.integers(1, 30),
        "end_bias": st.floats(-5, 5),
        "end_bias_growth": st.floats(-5, 5),
        "chunk_tokens": st.integers(1, 20),
        "completion_threshold": st.floats(0, 1),
        "early_answers": st.integers(2, 3),
        "early_answer_tokens": st.integers(1, 8),
    },
)


@given(st.data(), controls, st.integers(1, 120), st.sampled_from([MARKERS, OPENED]))
def test_thinking_keeps_its_tokens_and_its_text(
    data: st.DataObject, fields: dict[str, Any], most: int, markers: ThinkingMarkers
) -> None:
    options = DecodingOptions(**fields)
    course = carry_out(think(options, markers, most, "Wait"), any_answer(data))
    assert course.tokens <= most
    assert all(1 <= piece.max_tokens <= most for piece in course.pieces)
    last, came = course.written[-1]
    if last.prefix + came.text != course.reply.text:
        # Nothing was left for the answer: thinking was closed behind the last piece, or where a probe had it end.
        assert course.reply.finish_reason == "length"
        assert course.reply.text.endswith(markers.end + options.answer_bridge) or course.reply.text.endswith(
            markers.end
        )
    reached = course.written[0][0].prefix
    assert reached == ""
    for piece, came in course.written[:-1]:
        reached = piece.prefix + came.text
        following = course.written[course.written.index((piece, came)) + 1][0].prefix
        put_in = following.removeprefix(reached)
        probed = "completion_threshold" in fields or "early_answers" in fields
        assert probed or following.startswith(reached)
        assert probed or put_in in ("", "Wait", markers.end) or put_in.endswith(options.answer_bridge)
    ceiling = options.thinking_ceiling_tokens
    if ceiling is not None:
        thought = sum(came.tokens for piece, came in course.written if markers.end not in piece.prefix)
        assert thought <= ceiling or markers.end in course.written[-1][1].text


@given(st.data(), st.integers(4, 40), st.integers(1, 6), st.integers(1, 150), st.sampled_from([MARKERS, OPENED, None]))
def test_chunks_keep_their_tokens_and_all_that_was_generated(
    data: st.DataObject, chunk: int, chunks: int, most: int, markers: ThinkingMarkers | None
) -> None:
    options = DecodingOptions(markovian_chunk_tokens=chunk, markovian_chunks=chunks, markovian_head_tokens=0)
    course = carry_out(think_in_chunks(options, markers, most), any_answer(data))
    assert course.tokens <= most
    assert len(course.pieces) <= chunks + 1
    position = 0
    for came in course.came:
        position = course.reply.text.index(came.text, position) + len(came.text)
    thinking = course.pieces[:-1] if len(course.pieces) > chunks else course.pieces
    for before, piece in zip([None, *course.came], thinking, strict=False):
        if before is not None and piece.places is not None:
            assert len(piece.prefix) <= len(before.text)
            assert before.text.endswith(piece.prefix)


def test_a_floor_puts_the_wait_in_place_of_the_end_so_often() -> None:
    options = DecodingOptions(thinking_floor_tokens=10, thinking_waits=2)
    course = carry_out(
        think(options, MARKERS, 100, "Wait"),
        in_turn(
            stop("<think>a", 3, "</think>"),
            stop(" b", 3, None),
            stop(" c", 3, "</think>"),
            stop("\nthe answer", 5),
        ),
    )
    assert course.reply == Reply("<think>aWait bWait c</think>\nthe answer", "stop", notes=course.reply.notes)
    assert course.reply.notes == ("made to think on 2 times",)
    assert [piece.stop for piece in course.pieces] == [("</think>",)] * 3 + [()]


def test_above_the_floor_the_model_ends_by_itself_in_one_request() -> None:
    options = DecodingOptions(thinking_ceiling_tokens=50)
    course = carry_out(think(options, MARKERS, 100, "Wait"), in_turn(stop("<think>a</think>b", 9)))
    assert course.reply == Reply("<think>a</think>b", "stop")
    assert course.pieces == [Piece("", 50)]


def test_an_answer_that_meets_the_ceiling_is_gone_on_with() -> None:
    options = DecodingOptions(thinking_ceiling_tokens=50)
    course = carry_out(think(options, MARKERS, 100, "Wait"), in_turn(full("<think>a</think>b", 50), stop("c", 1)))
    assert course.reply == Reply("<think>a</think>bc", "stop")
    assert course.pieces[1] == Piece("<think>a</think>b", 50)


def test_a_ceiling_closes_thinking_and_leaves_room_for_the_answer() -> None:
    options = DecodingOptions(thinking_ceiling_tokens=50, answer_bridge="\n\nFinal answer:")
    course = carry_out(think(options, MARKERS, 100, "Wait"), in_turn(full("<think>a", 50), stop(" 7", 2)))
    assert course.reply.text == "<think>a\n</think>\n\nFinal answer: 7"
    assert course.pieces[1] == Piece("<think>a\n</think>\n\nFinal answer:", 50)
    assert course.reply.notes == ("thinking was closed after 50 tokens",)


def test_a_marker_that_was_begun_is_completed() -> None:
    assert closed("a</th", "</think>") == "a</think>"
    assert closed("a\n", "</think>") == "a\n</think>"
    assert closed("", "</think>") == "</think>"


@given(st.text("ab", max_size=8), st.text("ab", min_size=1, max_size=6))
def test_an_overlap_is_the_longest_beginning_that_stands_at_the_end(text: str, marker: str) -> None:
    size = overlap(text, marker)
    assert size < len(marker)
    assert text.endswith(marker[:size])
    assert not any(text.endswith(marker[:longer]) for longer in range(size + 1, len(marker)))


@pytest.mark.parametrize("markers", [MARKERS, OPENED])
def test_a_reply_without_thinking_is_taken_unless_the_prompt_opened_it(markers: ThinkingMarkers) -> None:
    options = DecodingOptions(thinking_floor_tokens=50)
    answers = [stop("the answer", 5)] + ([stop(" more", 60, "</think>"), stop("\nend", 1)] if markers.in_prompt else [])
    course = carry_out(think(options, markers, 1000, "Wait"), in_turn(*answers))
    assert course.reply.text == ("the answerWait more</think>\nend" if markers.in_prompt else "the answer")


def test_a_bias_grows_with_the_chunks_and_leaves_the_answer_alone() -> None:
    options = DecodingOptions(end_bias=1, end_bias_growth=60, chunk_tokens=10)
    course = carry_out(
        think(options, MARKERS, 100, "Wait"),
        in_turn(full("<think>", 10), full("a", 10), full("b", 10), stop("c", 3, "</think>"), stop("d", 1)),
    )
    assert [piece.end_bias for piece in course.pieces] == [1, 61, 100, 100, 0]
    assert course.reply.text == "<think>abc</think>d"


def test_a_finding_closes_thinking_at_the_paragraph_that_was_asked_about() -> None:
    options = DecodingOptions(completion_threshold=0.5, chunk_tokens=10, completion_text=" Done?")
    yes = Came("", "length", 1, record={"top": [[" Yes", -0.1], ["No", -4.0]]})
    no = Came("", "length", 1, record={"top": [["no", -0.1], ["YES", -4.0]]})
    course = carry_out(
        think(options, MARKERS, 100, "Wait"),
        in_turn(full("<think>a\n\nb", 10), no, full("c\n\nd", 10), yes, stop("e", 1)),
    )
    assert [piece.prefix for piece in course.pieces if piece.probe] == ["<think>a Done?", "<think>a\n\nbc Done?"]
    assert course.reply.text == "<think>a\n\nbc\n</think>\n\ne"
    assert "complete" in course.reply.notes[0]
    assert course.pieces[-1].max_tokens == 100 - 22


def test_equal_early_answers_close_thinking() -> None:
    options = DecodingOptions(early_answers=2, chunk_tokens=10, early_answer_text="\nIt is \\boxed{")
    course = carry_out(
        think(options, MARKERS, 200, "Wait"),
        in_turn(
            full("<think>a", 10),
            full("1} or", 3),
            full("b", 10),
            full("2}", 3),
            full("c", 10),
            full("2} I", 3),
            stop("\\boxed{2}", 4),
        ),
    )
    assert course.pieces[1].prefix == "<think>a\n</think>\nIt is \\boxed{"
    assert course.reply.text == "<think>abc\n</think>\n\n\\boxed{2}"
    assert "2 early answers" in course.reply.notes[0]


def test_below_the_floor_nobody_looks() -> None:
    options = DecodingOptions(thinking_floor_tokens=20, completion_threshold=0, chunk_tokens=10)
    yes = Came("", "length", 1, record={"top": [["Yes", -0.1]]})
    course = carry_out(
        think(options, MARKERS, 100, "Wait"),
        in_turn(full("<think>a\n\n", 10), full("b\n\n", 10), yes, stop("c", 1)),
    )
    assert [piece.probe for piece in course.pieces] == [False, False, True, False]


def test_no_thinking_begins_with_a_thought_that_is_over() -> None:
    course = carry_out(without_thinking(DecodingOptions(no_thinking=True), MARKERS, 9), in_turn(stop("b", 1)))
    assert course.reply.text == "<think>\nOkay, I think I have finished thinking.\n</think>\n\nb"
    assert course.pieces == [Piece(course.reply.text[:-1], 9)]
    opened = carry_out(without_thinking(DecodingOptions(no_thinking=True), OPENED, 9), in_turn(stop("b", 1)))
    assert opened.reply.text == course.reply.text.removeprefix("<think>\n")


def test_chunks_begin_with_the_head_and_the_end_of_the_chunk_before() -> None:
    options = DecodingOptions(
        markovian_chunk_tokens=20, markovian_carry_tokens=8, markovian_head_tokens=2, markovian_chunks=3
    )
    first = Came("<think>head middle tail", "length", 20, record={"head": 11, "tail": 18})
    second = Came(" on and on", "length", 12, record={"head": 3, "tail": 4})
    third = Came(" end", "length", 12, record={"head": 1, "tail": 0})
    course = carry_out(think_in_chunks(options, MARKERS, 100), in_turn(first, second, third, stop("7", 1)))
    assert [piece.prefix for piece in course.pieces] == [
        "", "<think>head tail", "<think>headand on", "<think>head end\n</think>\n\n",
    ]  # fmt: skip
    assert [piece.max_tokens for piece in course.pieces] == [20, 12, 12, 56]
    assert course.reply.text == "<think>head middle tail on and on end\n</think>\n\n7"


def test_the_note_counts_the_chunks_that_were_written() -> None:
    options = DecodingOptions(markovian_chunk_tokens=20, markovian_chunks=5, markovian_head_tokens=0)
    pieces = [Came("a", "length", 20, record={"head": 0, "tail": 0}), Came("b", "length", 10, record={"tail": 0})]
    course = carry_out(think_in_chunks(options, None, 30), in_turn(*pieces))
    assert (course.reply.text, course.reply.notes) == ("ab", ("2 chunks",))


def test_plain_is_one_piece() -> None:
    assert carry_out(plain(7), in_turn(stop("a", 1))).reply == Reply("a", "stop")
