"""Every submission of real problem packages gets the verdict that its authors expect.

What is left out is listed here, with the reason. Languages that the sandbox does not have are named by `verify`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path

import pytest
import pytest_asyncio
from sandboxes import make_sandbox

from solvent.problems.problem import Problem, Verdict
from solvent.problems.readers import read
from solvent.sandbox.base import Sandbox
from solvent.sandbox.languages import languages
from solvent.sandbox.verify import Checked, verify

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.shared_data]

KATTIS = ("examples-different", "examples-guess", "examples-hello", "examples-oddecho", "tests-hello")
ICPC = (
    "problems-blueberrywaffle",
    "problems-branchmanager",
    "problems-champernownecount",
    "problems-everythingisanail",
    "problems-familyvisits",
    "problems-foodprocessor",
    "problems-greedyincreasingsubsequences",
    "problems-icouldhavewon",
    "problems-profitabletrip",
    "problems-sunandmoon",
    "problems-trianglecontainment",
)
NOT_JUDGED = {
    "problems-colortubes": "the output validator is not in the package",
    "tests-problems-footnote": "the package has no tests",
    "tests-problems-imgrequest": "the package has no tests",
    "tests-problems-imgrequest2": "the package has no tests",
    "tests-problems-problemnamexss": "the package has no tests",
    "tests-problems-samplexss": "the package has no submissions",
    "tests-problems-specialcharacterssample": "the package has no submissions",
    "tests-problems-statementxss": "the package has no tests",
    "tests-problems-twofootnotes": "the package has no tests",
}
TESTS_ARE_MISSING = {
    "problems-branchmanager": "the ten largest tests are not recorded: slow programs fit",
    "problems-foodprocessor": "the six largest tests are not recorded: slow programs fit",
    "problems-greedyincreasingsubsequences": "the four largest tests are not recorded: slow programs fit",
    "problems-trianglecontainment": "the eight largest tests are not recorded: slow programs fit",
}


@cache
def packages(folder: Path) -> dict[str, Problem]:
    found = [*read(folder / "kattis_examples/packages.jsonl"), *read(folder / "icpc_2022/packages.jsonl.gz")]
    return {problem.id: problem for problem in found if isinstance(problem, Problem)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def docker(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    sandbox = make_sandbox("docker", request)
    await sandbox.start()
    yield sandbox
    await sandbox.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    sandbox = make_sandbox("local", request)
    await sandbox.start()
    yield sandbox
    await sandbox.aclose()


def unlisted(problem: Problem, rows: list[Checked]) -> Iterator[str]:
    """Yield the submissions that were left out for a reason that is not listed."""
    for row in rows:
        slow = Verdict.TLE in row.solution.allowed_verdicts and Verdict.AC not in row.solution.allowed_verdicts
        listed = "lacks some of its tests" in row.exception and slow and problem.id in TESTS_ARE_MISSING
        if row.exception and not listed and "not installed" not in row.exception:
            unknown = row.solution.language not in languages() and "unknown language" in row.exception
            if not unknown:
                yield f"{row.solution.name}: {row.exception}"


TIME_SCALES = (1.0, 3.0)
"""The packages' limits are those of their contests' machines; a test's machine may be slow and busy."""


async def check(sandbox: Sandbox, problem: Problem) -> None:
    for scale in TIME_SCALES:
        report = await verify(sandbox, problem, margin=False, time_scale=scale)
        wrong = [f"{row.solution.name}: {', '.join(row.complaints)}" for row in report.rows if not row.ok]
        if not wrong:
            break
    assert wrong == []
    assert list(unlisted(problem, report.rows)) == []
    judged = {row.solution.language for row in report.rows if row.judgement is not None}
    assert {"cpp", "python"} & judged


async def test_every_package_is_run_or_listed(shared_data: Path) -> None:
    assert set(packages(shared_data)) == {*KATTIS, *ICPC, *NOT_JUDGED}


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", [*KATTIS, *ICPC])
async def test_submissions_in_containers(docker: Sandbox, shared_data: Path, name: str) -> None:
    await check(docker, packages(shared_data)[name])


@pytest.mark.bubblewrap
@pytest.mark.parametrize("name", KATTIS)
async def test_submissions_in_namespaces(local: Sandbox, shared_data: Path, name: str) -> None:
    await check(local, packages(shared_data)[name])


@pytest.mark.bubblewrap
@pytest.mark.parametrize("name", ["problems-colortubes", "tests-problems-footnote"])
async def test_what_cannot_be_judged_is_named(local: Sandbox, shared_data: Path, name: str) -> None:
    problem = packages(shared_data)[name]
    report = await verify(local, problem)
    assert report.notes == [NOT_JUDGED[name]]
    assert {row.exception for row in report.rows} <= {NOT_JUDGED[name]}
