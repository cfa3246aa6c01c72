"""What test groups make of the results of their tests: verdicts, scores, and which tests need not run. Pure.

The rules are those of the default grader of the legacy Kattis format (on_reject, verdict and score modes,
ignore_sample, accept_if_any_accepted), and of the result aggregation of the 2025-09 format (pass-fail groups,
require_pass); batches of the DMOJ judge and groups of Polygon packages are written in the same terms.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from solvent.problems.problem import IoTest, Problem, TestCase, TestGroup, Verdict
from solvent.sandbox.judgement import GroupResult

_WORST_FIRST = (
    Verdict.IE,
    Verdict.CE,
    Verdict.RE,
    Verdict.MLE,
    Verdict.TLE,
    Verdict.OLE,
    Verdict.WA,
    Verdict.AC,
)
"""Order of the default grader's mode worst_error, and its IE first."""
_SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one test came to."""

    verdict: Verdict
    score: float | None = None
    """From its checker; None: its points, or its group's accept_score."""
    share: float | None = None
    """Of those points, from its checker; None: all of them if accepted, else the group's reject_score."""


@dataclass(frozen=True, slots=True)
class Grade:
    """What the whole came to."""

    verdict: Verdict
    score: float | None
    groups: tuple[GroupResult, ...]
    """The whole first, then its groups in the order of their tests."""


@dataclass(slots=True)
class _Node:
    group: TestGroup
    children: list[_Node | int] = field(default_factory=list)
    """Groups, and indexes of tests."""
    tests: list[int] = field(default_factory=list)
    """Indexes of all tests below it."""


@dataclass(frozen=True, slots=True)
class _Closed:
    verdict: Verdict
    score: float | None
    left_out: bool = False


class Scheme:
    """The test groups of a problem over a list of its tests.

    Without groups in the problem the whole is one group whose verdict is that of its first test that is not AC.
    """

    def __init__(self, problem: Problem, tests: Sequence[TestCase]) -> None:
        given = {group.name: group for group in problem.groups}
        self._points = [test.points if isinstance(test, IoTest) else None for test in tests]
        root = given.get("", TestGroup(name="") if given else TestGroup(name="", verdict="first_error"))
        self._nodes = {"": _Node(root)}
        self._paths: list[str] = []
        self._test_names = {test.name: index for index, test in enumerate(tests)}
        for index, test in enumerate(tests):
            path = test.group if given and isinstance(test, IoTest) else ""
            self._paths.append(path)
            self._node(path, given).children.append(index)
            while True:
                self._nodes[path].tests.append(index)
                if not path:
                    break
                path = path.rpartition("/")[0]
        self._has_rules = any(node.group.on_reject == "break" or node.group.requires for node in self._nodes.values())

    def _node(self, path: str, given: Mapping[str, TestGroup]) -> _Node:
        node = self._nodes.get(path)
        if node is None:
            node = self._nodes[path] = _Node(given.get(path, TestGroup(name=path)))
            self._node(path.rpartition("/")[0], given).children.append(node)
        return node

    def left_out(self, outcomes: Mapping[int, Outcome]) -> Collection[int]:
        """Return the indexes of tests that the results so far make needless.

        Args:
            outcomes: by index; those of a test may be missing only if those of later tests are missing as well, or
                if it was left out.
        """
        if not self._has_rules:
            return ()
        out: set[int] = set()
        self._close(self._nodes[""], outcomes, {}, out)
        return out

    def grade(self, outcomes: Mapping[int, Outcome]) -> Grade:
        """Return what the results come to; a test without one counts as left out."""
        closed: dict[str, _Closed] = {}
        out = set(range(len(self._points))) - set(outcomes)
        whole = self._close(self._nodes[""], outcomes, closed, out)
        assert whole is not None, "no test is open"
        groups = tuple(
            GroupResult(
                name=name,
                verdict=closed[name].verdict,
                score=closed[name].score,
                max_score=node.group.max_score,
                left_out=closed[name].left_out,
            )
            for name, node in self._nodes.items()
            if name in closed
        )
        return Grade(whole.verdict, whole.score, groups)

    def score(self, index: int, outcome: Outcome) -> float | None:
        """Return the points of one test; None where the verdict is IE."""
        return self._score(self._nodes[self._paths[index]].group, index, outcome)

    def _close(
        self, node: _Node, outcomes: Mapping[int, Outcome], closed: dict[str, _Closed], out: set[int]
    ) -> _Closed | None:
        """Return what a group came to, or None while tests of it are open; adds needless tests to `out`."""
        missing = self._missing(node.group, outcomes, closed)
        if missing is not None:
            out.update(node.tests)
            result = closed[node.group.name] = _Closed(missing, node.group.reject_score, left_out=True)
            return result
        results: list[tuple[str, _Closed]] = []
        for position, child in enumerate(node.children):
            if isinstance(child, int):
                outcome = outcomes.get(child)
                if outcome is None:
                    if child in out:
                        continue
                    return None
                result = _Closed(outcome.verdict, self._score(node.group, child, outcome))
                name = ""
            else:
                below = self._close(child, outcomes, closed, out)
                if below is None:
                    return None
                result, name = below, child.group.name
            results.append((name, result))
            if result.verdict is not Verdict.AC and node.group.on_reject == "break":
                for later in node.children[position + 1 :]:
                    out.update([later] if isinstance(later, int) else later.tests)
                break
        result = closed[node.group.name] = _aggregate(node.group, results)
        return result

    def _missing(
        self, group: TestGroup, outcomes: Mapping[int, Outcome], closed: Mapping[str, _Closed]
    ) -> Verdict | None:
        """Return the verdict of the first that is required and not accepted; what is not judged here cannot be."""
        for path in group.requires:
            if path in closed:
                verdict = closed[path].verdict
            elif path in self._test_names:
                outcome = outcomes.get(self._test_names[path])
                if outcome is None:
                    continue
                verdict = outcome.verdict
            else:
                continue
            if verdict is not Verdict.AC:
                return verdict
        return None

    def _score(self, group: TestGroup, index: int, outcome: Outcome) -> float | None:
        if outcome.verdict is Verdict.IE:
            return None
        if outcome.score is not None:
            return outcome.score
        if outcome.verdict is not Verdict.AC and outcome.share is None:
            return group.reject_score
        points = self._points[index]
        best = group.accept_score if points is None else points
        return best if outcome.share is None else best * outcome.share


def _aggregate(group: TestGroup, results: Sequence[tuple[str, _Closed]]) -> _Closed:
    counted = [result for name, result in results if not (group.ignore_sample and name == _SAMPLE)]
    if not counted:
        counted = [result for _, result in results]
    verdicts = [result.verdict for result in counted]
    accepted = all(verdict is Verdict.AC for verdict in verdicts)
    verdict = _verdict(group, verdicts)
    scores = [result.score for result in counted if result.score is not None]
    if verdict is Verdict.IE or len(scores) < len(counted):
        return _Closed(verdict, None)
    match group.aggregation:
        case "pass_fail":
            best = group.accept_score if group.max_score is None else group.max_score
            return _Closed(verdict, best if accepted else group.reject_score)
        case "min":
            return _Closed(verdict, min(scores, default=0.0))
        case "max":
            return _Closed(verdict, max(scores, default=0.0))
        case "avg":
            return _Closed(verdict, sum(scores) / len(scores) if scores else 0.0)
        case _:
            return _Closed(verdict, sum(scores))


def _verdict(group: TestGroup, verdicts: Sequence[Verdict]) -> Verdict:
    if group.verdict == "first_error" and not group.accept_if_any_accepted and not group.ignore_sample:
        return next((verdict for verdict in verdicts if verdict is not Verdict.AC), Verdict.AC)
    if Verdict.IE in verdicts:
        # A failure of ours may hide any verdict, also one that would change the whole.
        return Verdict.IE
    if group.verdict == "always_accept" or (group.accept_if_any_accepted and Verdict.AC in verdicts):
        return Verdict.AC
    if group.verdict == "first_error":
        return next((verdict for verdict in verdicts if verdict is not Verdict.AC), Verdict.AC)
    return min(verdicts, key=_WORST_FIRST.index, default=Verdict.AC)
