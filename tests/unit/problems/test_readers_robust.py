"""Whatever stands in the settings of a package, reading it gives a problem or an error that names its place."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solvent.errors import DataError
from solvent.problems.problem import Problem
from solvent.problems.readers import read_text

KATTIS = {
    "statement/problem.en.md": "Say it.",
    "data/sample/1.in": "1",
    "data/sample/1.ans": "1",
    "data/secret/a/1.in": "1",
    "data/secret/a/1.ans": "1",
    "submissions/accepted/a.py": "print(1)",
    "output_validator/v.py": "import sys",
}
DMOJ = {"1.in": "1", "1.out": "1", "check.py": "def check(*a, **k): return True", "v.cpp": "int main() {}"}
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**20)
    | st.floats(allow_nan=False)
    | st.sampled_from(["all", "scoring", "sum", "1.in", "check.py", "v.cpp", "TLE", "custom", "break", "0 1", "", "'"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["in", "out", "points", "name", "args", "flags", "files", "batched", "type", "permitted"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
PROBLEM_KEYS = [
    "type",
    "limits",
    "validation",
    "validator_flags",
    "grading",
    "keywords",
    "languages",
    "constants",
    "name",
]
LIMIT_KEYS = ["time_limit", "memory", "time_multipliers", "validation_passes", "validation_time", "time_resolution"]
GROUP_KEYS = [
    "max_score", "score_aggregation", "require_pass", "args", "output_validator_args", "on_reject", "grader_flags",
    "range", "accept_score", "scoring", "grading", "output_validator_flags",
]  # fmt: skip
INIT_KEYS = [
    "test_cases", "pretest_test_cases", "checker", "interactive", "file_io", "points", "archive", "wall_time_factor",
    "io_redirects", "time_limit", "memory_limit", "output_limit_length",
]  # fmt: skip
RULE_KEYS = ["permitted", "required", "score", "message", "use_for_time_limit", "secret/a", "language", "entrypoint"]

XML_PARTS = [
    "<problem>", "</problem>", "<judging>", "</judging>", "<testset>", "</testset>", "<tests>", "</tests>",
    "<test/>", '<test group="1" points="x"/>', "<time-limit>5</time-limit>", "<time-limit>-1</time-limit>",
    "<test-count>2</test-count>", "<test-count>999999999999999999</test-count>", "<assets>", "</assets>", "&amp;",
    "<groups/>", '<checker name="std::wcmp.cpp"/>', '<solutions><solution tag="main"/></solutions>',
    '<statement language="english" path="../x" type="text/html"/>', "<interactor><source/></interactor>",
]  # fmt: skip


def _yaml(values: object) -> str:
    return json.dumps(values)  # JSON is YAML


def _outcome(files: dict[str, str]) -> Problem | DataError:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    (result,) = read_text(buffer.getvalue(), "x.zip")
    if isinstance(result, DataError):
        assert "x.zip" in str(result)
    return result


def _settings(keys: list[str]) -> st.SearchStrategy[dict[str, object]]:
    return st.dictionaries(st.sampled_from(keys), VALUES, max_size=4)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["legacy", "2023-07-draft", "2025-09"]),
    _settings(PROBLEM_KEYS),
    _settings(LIMIT_KEYS),
    _settings(GROUP_KEYS),
    st.dictionaries(st.sampled_from(["accepted", "accepted/*", "{a,b}/c*"]), _settings(RULE_KEYS), max_size=2),
)
def test_any_settings_of_a_kattis_package(
    version: str,
    problem: dict[str, object],
    limits: dict[str, object],
    group: dict[str, object],
    rules: dict[str, object],
) -> None:
    values = {"name": "N", "uuid": "u", "limits": limits, "problem_format_version": version, **problem}
    _outcome({
        **KATTIS,
        "problem.yaml": _yaml(values),
        "data/secret/a/test_group.yaml": _yaml(group),
        "data/secret/testdata.yaml": _yaml(group),
        "submissions/submissions.yaml": _yaml(rules),
        "data/secret/a/1.yaml": _yaml({key: value for key, value in group.items() if "args" in key}),
    })  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_settings(INIT_KEYS))
def test_any_settings_of_a_dmoj_folder(values: dict[str, object]) -> None:
    _outcome({**DMOJ, "init.yml": _yaml(values)})


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_problem_xml(data: st.DataObject) -> None:
    body = "".join(data.draw(st.lists(st.sampled_from(XML_PARTS), max_size=12)))
    _outcome({"problem.xml": f"<problem><judging>{body}</judging></problem>", "tests/01": "1"})
    _outcome({"problem.xml": body or "x", "tests/01": "1"})


@pytest.mark.parametrize("depth", [50_000])
def test_deep_xml_is_an_error_or_a_problem(depth: int) -> None:
    _outcome({"problem.xml": "<a>" * depth + "</a>" * depth})
    _outcome({"problem.xml": "<problem><judging>" + "<b>" * depth})
