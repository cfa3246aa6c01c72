"""What checkers say by exit codes and files."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.problems.problem import Verdict
from solvent.sandbox.base import RunResult, RunStatus
from solvent.sandbox.feedback import NEXT_INPUT, from_python, from_testlib, from_validator
from solvent.sandbox.validator_call import unpack

AC, WA, IE = Verdict.AC, Verdict.WA, Verdict.IE


def ran(code: int | None, files: dict[str, bytes] | None = None, stderr: bytes = b"", **more: object) -> RunResult:
    status = RunStatus.EXIT if code else RunStatus.OK
    fields = {"status": status, "exit_code": code, "files": files or {}, "stderr": stderr, "cpu_s": 0.5, **more}
    return RunResult.model_validate(fields)


@pytest.mark.parametrize(("code", "verdict"), [(42, AC), (43, WA), (0, IE), (1, IE), (41, IE), (None, IE)])
def test_exit_codes_of_validators(code: int | None, verdict: Verdict) -> None:
    assert from_validator(ran(code), scoring=False).verdict is verdict


def test_a_validator_that_hits_a_limit_is_our_fault_and_says_why() -> None:
    run = RunResult(status=RunStatus.CPU_TIME, cpu_s=60, files={"feedback/judgemessage.txt": b"token 1 of"})
    checked = from_validator(run, scoring=False)
    assert checked.verdict is IE
    assert "cpu_time" in checked.message
    assert checked.judge_message == "token 1 of"
    assert checked.cpu_s == 60


def test_messages_of_a_validator() -> None:
    files = {"feedback/judgemessage.txt": b"expected \xff\n31", "feedback/teammessage.txt": b"too low"}
    checked = from_validator(ran(43, files), scoring=False)
    assert checked.message == "too low"
    assert checked.judge_message == "expected \ufffd\n31"
    assert from_validator(ran(43, stderr=b"no\n 31"), scoring=False).message == "no 31"
    assert from_validator(ran(42, files), scoring=False).message == ""


@pytest.mark.parametrize(
    ("code", "files", "scoring", "expected"),
    [
        (42, {"score": b" 12.5\n"}, True, (AC, 12.5, None)),
        (42, {"score_multiplier": b"0.25"}, True, (AC, None, 0.25)),
        (42, {"score": b"1", "score_multiplier": b"1"}, True, (IE, None, None)),
        (42, {"score": b"1"}, False, (IE, None, None)),
        (43, {"score": b"1"}, True, (IE, None, None)),
        (42, {"score": b"nan"}, True, (IE, None, None)),
        (42, {"score": b""}, True, (IE, None, None)),
        (42, {"score": b"many"}, True, (IE, None, None)),
        (42, {"score_multiplier": b"1.5"}, True, (IE, None, None)),
        (42, {"score_multiplier": b"-0.1"}, True, (IE, None, None)),
    ],
)
def test_scores_of_validators(
    code: int, files: dict[str, bytes], scoring: bool, expected: tuple[Verdict, float | None, float | None]
) -> None:
    named = {f"feedback/{name}.txt": data for name, data in files.items()}
    checked = from_validator(ran(code, named), scoring=scoring)
    assert (checked.verdict, checked.score, checked.share) == expected


def test_a_score_on_a_sample_is_passed_over() -> None:
    checked = from_validator(ran(42, {"feedback/score.txt": b"7"}), scoring=True, sample=True)
    assert (checked.verdict, checked.score) == (AC, None)


def test_the_next_pass() -> None:
    assert from_validator(ran(42, {NEXT_INPUT: b""}), scoring=False).next_input == b""
    refused = from_validator(ran(43, {NEXT_INPUT: b"1"}), scoring=False)
    assert (refused.verdict, refused.next_input) == (IE, None)


@pytest.mark.parametrize(
    ("code", "said", "scoring", "expected"),
    [
        (0, b"ok 3 numbers", False, (AC, None, None)),
        (1, b"wrong answer 1st differs", False, (WA, None, None)),
        (2, b"wrong output format", False, (WA, None, None)),
        (4, b"", False, (WA, None, None)),
        (8, b"unexpected eof", False, (WA, None, None)),
        (3, b"FAIL jury is worse", False, (IE, None, None)),
        (7, b"points 12.50 good", True, (AC, 12.5, None)),
        (7, b"partial 3/4", True, (AC, None, 0.75)),
        (7, b"points 0", True, (WA, None, None)),
        (7, b"points 5", False, (WA, None, None)),
        (7, b"good", True, (IE, None, None)),
        (16, b"", True, (WA, None, None)),
        (66, b"", True, (AC, None, 0.5)),
        (116, b"", False, (AC, None, None)),
        (66, b"", False, (WA, None, None)),
        (117, b"", True, (IE, None, None)),
        (None, b"", True, (IE, None, None)),
    ],
)
def test_exit_codes_of_testlib(
    code: int | None, said: bytes, scoring: bool, expected: tuple[Verdict, float | None, float | None]
) -> None:
    run = ran(code, stderr=said)
    if code is None:
        run = RunResult(status=RunStatus.SIGNAL, signal=11)
    checked = from_testlib(run, scoring=scoring)
    assert (checked.verdict, checked.score, checked.share) == expected
    assert bool(checked.message) is (checked.verdict is not AC or bool(scoring and said))


def said(**fields: object) -> bytes:
    return json.dumps({"token": "t", **fields}).encode()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said(passed=True), (AC, None)),
        (said(passed=True, points=2.5, feedback="nice"), (AC, 2.5)),
        (said(passed=False, points=2.5, feedback="no"), (WA, None)),
        (said(passed=1), (WA, None)),
        (said(error="Traceback\nKeyError: 'x'\n"), (IE, None)),
        (said(passed=True, points=float("inf")), (IE, None)),
        (json.dumps({"token": "other", "passed": True}).encode(), (IE, None)),
        (b"passed", (IE, None)),
        (b"[1]", (IE, None)),
        (None, (IE, None)),
    ],
)
def test_answers_of_python_checkers(answer: bytes | None, expected: tuple[Verdict, float | None]) -> None:
    checked = from_python(ran(0), answer, "t", scoring=True)
    assert (checked.verdict, checked.score) == expected


@given(st.binary(max_size=40))
def test_no_file_of_a_setter_breaks_the_judge(data: bytes) -> None:
    for name in ("score", "score_multiplier", "judgemessage", "teammessage"):
        files = {f"feedback/{name}.txt": data}
        assert from_validator(ran(42, files), scoring=True).verdict in (AC, IE)
        from_validator(ran(43, files, stderr=data), scoring=True)
    from_testlib(ran(7, stderr=data), scoring=True)
    assert from_python(ran(0, stderr=data), data, "t", scoring=True).verdict is IE
    unpack(data)


def test_packs_hold_only_paths_below_the_directory() -> None:
    def pack(*files: tuple[str, bytes]) -> bytes:
        head = json.dumps([[name, len(data)] for name, data in files]).encode()
        return len(head).to_bytes(4, "big") + head + b"".join(data for _, data in files)

    assert unpack(pack(("a", b"1"), ("b/c", b"23"))) == {"feedback/a": b"1", "feedback/b/c": b"23"}
    assert unpack(pack()) == {}
    for bad in (pack(("../a", b"1")), pack(("/etc/passwd", b"1")), pack(("", b"")), pack(("a", b"123"))[:-1]):
        assert unpack(bad) is None
