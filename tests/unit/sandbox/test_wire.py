"""Frames: what is sent can be read, however it is cut; what comes harms nobody, whatever it is."""

from __future__ import annotations

import struct

import pytest
from fake_box import HEADER, Reply, read_run, ready, result
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.sandbox import replies, wire

LIMITS = wire.Limits(1, 2, 3, 100_000, 5000, 6, 7, 8, 9)
U64 = st.integers(0, 2**64 - 1)
NAMES = st.lists(st.binary(max_size=20), max_size=4).map(tuple)
KEYS = st.binary(min_size=32, max_size=32)
CONTENTS = st.builds(wire.Content, st.none() | KEYS, st.binary(max_size=20_000))
FILES = st.lists(
    st.builds(wire.RunFile, st.binary(max_size=9), st.integers(0, 0o777), CONTENTS),
    max_size=4,
    unique_by=lambda file: file.name,
).map(tuple)
KEEPS = st.dictionaries(st.binary(max_size=9), st.integers(0, 300), max_size=3).map(lambda kept: tuple(kept.items()))
LIMIT_VALUES = st.builds(wire.Limits, *[U64] * 7, *[st.integers(0, 2**32 - 1)] * 2)
RUNS = st.builds(wire.Run, st.integers(0, 7), LIMIT_VALUES, NAMES, NAMES, FILES, st.binary(max_size=40_000), KEEPS)
REPLIES = st.builds(
    Reply,
    status=st.sampled_from(replies.STATUSES),
    code=st.none() | st.integers(-(2**31), 2**31 - 1),
    signal=st.none() | st.integers(0, 64),
    cpu_us=U64,
    wall_us=U64,
    peak_bytes=U64,
    stdout=st.binary(max_size=3000),
    stderr=st.binary(max_size=3000),
    fault=st.text(max_size=20),
    missing=st.booleans(),
    usable=st.booleans(),
    problems=st.lists(st.text(max_size=9), max_size=3).map(tuple),
)


def run_with(keep: tuple[tuple[bytes, int], ...] = ()) -> wire.Run:
    return wire.Run(0, LIMITS, (), (), (), b"", keep)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), RUNS)
def test_a_run_is_read_as_it_was_sent(id: int, run: wire.Run) -> None:
    data = b"".join(wire.encode_run(id, run))
    magic, kind, sent_id, size = HEADER.unpack_from(data)
    assert (magic, kind, sent_id, size) == (wire.MAGIC, wire.RUN, id, len(data) - HEADER.size)
    contents = {file.content.key: file.content.data for file in run.files if file.content.key is not None}
    request = read_run(id, data[HEADER.size :], contents)
    assert (request.flags, request.limits, request.stdin) == (run.flags, tuple(run.limits), run.stdin)
    assert (request.argv, request.environment) == (run.argv, run.environment)
    assert request.files == {
        name: (mode, content.data if content.key is None else contents[content.key])
        for name, mode, content in run.files
    }
    assert request.keep == dict(run.keep)


@settings(deadline=None)
@given(REPLIES, st.lists(st.none() | st.binary(max_size=50), max_size=3))
def test_a_result_is_read_as_it_was_sent(reply: Reply, kept: list[bytes | None]) -> None:
    reply.kept = tuple(kept)
    payload = memoryview(result(7, reply))[HEADER.size :]
    read = replies.decode_result(payload, run_with(tuple((b"f", 50) for _ in kept)))
    for name in ("status", "code", "signal", "cpu_us", "wall_us", "peak_bytes", "fault", "missing", "usable", "stderr"):
        assert getattr(read, name) == getattr(reply, name)
    assert (read.problems, read.kept, read.stdout) == (reply.problems, tuple(kept), reply.stdout)
    assert read.stdout_size == len(reply.stdout)


@settings(deadline=None)
@given(st.lists(REPLIES, max_size=4), st.lists(st.integers(1, 500)))
def test_frames_come_out_whole_however_they_are_cut(sent: list[Reply], cuts: list[int]) -> None:
    frames = [ready(), *(result(number, reply) for number, reply in enumerate(sent))]
    data, parser = b"".join(frames), wire.Parser()
    parser.largest = 1 << 20
    found, at = [], 0
    for cut in [*cuts, len(data)]:
        found += [(kind, id, bytes(payload)) for kind, id, payload in parser.feed(data[at : at + cut])]
        at += cut
    assert [payload for _, _, payload in found] == [frame[HEADER.size :] for frame in frames]
    assert [id for _, id, _ in found] == [0, *range(len(sent))]


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_noise_from_a_box_is_refused_or_waited_for(noise: bytes) -> None:
    parser = wire.Parser()
    try:
        for kind, _, payload in parser.feed(noise):
            assert kind in range(64, 69)
            assert len(payload) <= wire.FIRST_WORD_BYTES
    except wire.FrameError:
        pass


@settings(deadline=None)
@given(st.binary(max_size=400), st.binary(max_size=40), st.integers(0, 400))
def test_a_damaged_result_is_read_or_refused_and_nothing_else(noise: bytes, patch: bytes, at: int) -> None:
    whole = result(1, Reply(stdout=b"out", stderr=b"err", problems=("p",), kept=(b"k",)))[HEADER.size :]
    for payload in (noise, whole[:at] + patch + whole[at + len(patch) :], whole[:at], whole + patch):
        for decode in (
            lambda view: replies.decode_result(view, run_with(((b"f", 9),))),
            replies.decode_ready,
            replies.decode_room,
        ):
            try:
                decode(memoryview(payload))
            except wire.FrameError:
                continue


@pytest.mark.parametrize(
    "reply",
    [
        Reply(stdout=b"x" * 100_001),
        Reply(stderr=b"x" * 5001),
        Reply(kept=(b"x" * 10,)),
        Reply(kept=()),
        Reply(kept=(None, None)),
        Reply(kept=(None,), problems=("p",) * 300),
    ],
)
def test_a_box_that_brings_more_than_was_asked_for_is_out_of_step(reply: Reply) -> None:
    with pytest.raises(wire.FrameError):
        replies.decode_result(memoryview(result(1, reply))[HEADER.size :], run_with(((b"f", 9),)))


def test_a_frame_that_is_too_large_is_refused_before_it_is_read() -> None:
    parser = wire.Parser()
    with pytest.raises(wire.FrameError, match="1000000 bytes"):
        list(parser.feed(HEADER.pack(wire.MAGIC, wire.RESULT, 1, 1_000_000)))


@pytest.mark.parametrize("header", [(b"SLV1", 65, 1, 0), (wire.MAGIC, 3, 1, 0), (wire.MAGIC, 70, 1, 0)])
def test_what_is_no_frame_of_a_supervisor_is_refused(header: tuple[bytes, int, int, int]) -> None:
    with pytest.raises(wire.FrameError, match="no frame"):
        list(wire.Parser().feed(HEADER.pack(*header)))


def test_large_bodies_are_not_copied_together() -> None:
    stdin = bytes(100_000)
    parts = wire.encode_run(1, wire.Run(0, LIMITS, (b"a",), (), (), stdin, ((b"k", 1),)))
    assert any(part is stdin for part in parts)


def test_a_frame_beyond_the_protocol_is_refused() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return wire.MAX_PAYLOAD + 1

    with pytest.raises(wire.FrameError, match="too large"):
        wire.encode_put(wire.Content(bytes(32), Huge()))


def test_an_offer_of_a_socket_is_read_and_nothing_else_taken_for_one() -> None:
    assert replies.decode_offer(memoryview(struct.pack("<IQ", 7, 1 << 40))) == replies.Offer(7, 1 << 40)
    with pytest.raises(wire.FrameError):
        replies.decode_offer(memoryview(b"\0" * 11))
