"""What counts as a complete reply."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.agents.extract import Extracted, code_blocks, extract
from solvent.models.profiles import ThinkingMarkers

LANGUAGES = {"python": "python", "py": "python", "cpp": "cpp", "c++": "cpp"}
THINK = ThinkingMarkers(start="<think>", end="</think>")


def program_of(text: str, finish: Any = "stop", **more: Any) -> Extracted:
    return extract(text, wants="program", finish=finish, languages=LANGUAGES, default_language="python", **more)


def answer_of(text: str, finish: Any = "stop", **more: Any) -> Extracted:
    return extract(text, wants="answer", finish=finish, languages={}, default_language="python", **more)


@pytest.mark.parametrize(
    ("text", "program", "language"),
    [
        ("Text\n```python\nx = 1\n```\nmore", "x = 1\n", "python"),
        ("```PY\nx = 1\n```", "x = 1\n", "python"),
        ("```c++\nint main(){}\n```", "int main(){}\n", "cpp"),
        ("```\nx = 1\n```", "x = 1\n", "python"),
        ("~~~python\nx = 1\n~~~", "x = 1\n", "python"),
        ("````python\ns = '''\n```\n'''\n````", "s = '''\n```\n'''\n", "python"),
        ("```python\nfirst = 1\n```\n```python\nsecond = 2\n```", "second = 2\n", "python"),
        ("```python\nx = 1\n```\nIt prints:\n```text\n1\n```", "x = 1\n", "python"),
        ("```python\nx = 1\n```\n```python\n```", "x = 1\n", "python"),
        ("1. Do\n  ```python\nx = 1\n  ```", "x = 1\n", "python"),
        ("```python title=a.py\nx = 1\n```", "x = 1\n", "python"),
        ("```python\nx = 1\n", "x = 1\n", "python"),
        ("print(1)", "print(1)\n", "python"),
        ("n = int(input())\nprint(n)\n", "n = int(input())\nprint(n)\n", "python"),
    ],
)
def test_programs(text: str, program: str, language: str) -> None:
    assert program_of(text) == Extracted(program=program, language=language)


@pytest.mark.parametrize(
    ("text", "finish", "missing"),
    [
        ("```python\nx = 1\n", "length", "cut off"),
        ("print(1)", "length", "cut off"),
        ("I cannot solve this.", "stop", "no code block"),
        ("42", "stop", "no code block"),
        ("", "stop", "no code block"),
        ("```rust\nfn main(){}\n```", "stop", "rust"),
        ("x = \0", "stop", "no code block"),
    ],
)
def test_what_is_no_program_says_why(text: str, finish: Any, missing: str) -> None:
    found = program_of(text, finish)
    assert not found.complete
    assert missing in found.missing


def test_a_closed_block_before_a_cut_counts() -> None:
    assert program_of("```python\nx = 1\n```\nNow ```python\nx =", "length").program == "x = 1\n"


def test_thoughts_are_left_out() -> None:
    text = "<think>```python\nwrong = 1\n```</think>\n```python\nright = 1\n```"
    assert program_of(text, thinking=THINK).program == "right = 1\n"
    assert "thinking" in program_of("<think>```python\nx = 1\n```", "length", thinking=THINK).missing
    assert program_of("```python\nx = 1\n```", thinking=THINK).program == "x = 1\n"
    opened = THINK.model_copy(update={"in_prompt": True})
    assert "thinking" in program_of("```python\nx = 1\n```", "length", thinking=opened).missing
    assert program_of("so</think>```python\nx = 1\n```", thinking=opened).program == "x = 1\n"


def test_answers() -> None:
    assert answer_of(r"so \boxed{\frac{1}{2}}.").answer == r"\frac{1}{2}"
    assert "no final answer" in answer_of("I do not know").missing
    assert "cut off" in answer_of("Let me", "length").missing


@given(st.text(alphabet=st.sampled_from("`~ \nxpython{}()=1\x00\\"), max_size=80), st.sampled_from(["stop", "length"]))
def test_any_text_is_read_without_failing(text: str, finish: Any) -> None:
    found = program_of(text, finish)
    assert found.complete == (found.program is not None)
    for block in code_blocks(text):
        assert block.text in text


@given(st.lists(st.sampled_from(["x = 1", "", "    y = 2", "# ```", "print('~~~')"]), min_size=1))
def test_a_program_comes_back_as_it_was_written(lines: list[str]) -> None:
    source = "x = 0\n" + "\n".join(lines)
    text = f"Here:\n````python\n{source}\n````\n"
    assert program_of(text).program == source.rstrip() + "\n"


def test_whole_reply_as_python_is_parsed_and_never_run() -> None:
    source = "raise SystemExit('run')"
    assert program_of(source).program == source + "\n"
    assert ast.parse(source)
