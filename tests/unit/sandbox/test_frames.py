"""The codec of the channel between service and supervisor."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.sandbox.runner import frames

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
headers = st.dictionaries(st.text().filter(lambda key: key != "blobs"), json_values, max_size=5)


def split(data: bytes) -> tuple[bytes, bytes]:
    header_size, body_size = frames.decode_prefix(data[: frames.PREFIX.size])
    rest = data[frames.PREFIX.size :]
    assert len(rest) == header_size + body_size
    return rest[:header_size], rest[header_size:]


@given(headers, st.lists(st.binary(max_size=200), max_size=5))
def test_what_is_encoded_is_decoded(header: dict[str, Any], blobs: list[bytes]) -> None:
    assert frames.decode(*split(frames.encode(header, blobs))) == (header, blobs)


@given(st.binary(min_size=frames.PREFIX.size, max_size=frames.PREFIX.size))
def test_foreign_bytes_begin_no_frame(prefix: bytes) -> None:
    if not prefix.startswith(frames.MAGIC):
        with pytest.raises(frames.FrameError):
            frames.decode_prefix(prefix)


@given(st.binary(max_size=60), st.binary(max_size=20))
def test_damaged_frames_are_refused_and_never_crash(header: bytes, body: bytes) -> None:
    with pytest.raises(frames.FrameError):
        frames.decode(header, body)


@pytest.mark.parametrize(
    "header",
    [b'{"blobs":[-1]}', b'{"blobs":[true]}', b'{"blobs":[1.0]}', b'{"blobs":"1"}', b"[]", b'{"blobs":[2]}', b"{}"],
)
def test_lengths_that_do_not_fit_the_body(header: bytes) -> None:
    with pytest.raises(frames.FrameError):
        frames.decode(header, b"x")


def test_a_length_beyond_the_limit_is_refused_before_anything_is_read() -> None:
    with pytest.raises(frames.FrameError):
        frames.decode_prefix(frames.PREFIX.pack(frames.MAGIC, 10, frames.MAX_BODY + 1))
