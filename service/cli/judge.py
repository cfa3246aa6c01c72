"""`solvent judge`: does this program, answer or problem hold?"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from solvent.service.cli.options import json_option, load_settings

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

    from solvent.errors import DataError
    from solvent.problems.problem import Problem
    from solvent.sandbox.judge import TestResult
    from solvent.service.cli.judging import Judged, Submission
    from solvent.settings import Settings


@click.command(
    epilog="""Examples:

\b
  solvent judge problem.md solution.py
  solvent judge package/ solution.cpp --sandbox docker
  solvent judge gsm8k.jsonl --id gsm8k/3 --answer 42
  solvent judge humaneval.jsonl samples.jsonl
  solvent judge package/            (its own solutions and gold answer)""",
)
@click.argument("problem")
@click.argument("source", required=False)
@click.option("--id", "problem_id", help="The problem to take, where PROBLEM holds several.")
@click.option("--language", "-l", help="Language of SOURCE. [default: by the file's ending; python for samples]")
@click.option("--answer", help="A final answer instead of SOURCE, for problems of kind math.")
@click.option("--sandbox", type=click.Choice(["auto", "docker", "local"]), help="Sandbox backend. [default: auto]")
@click.option("--stop", "stop_on_failure", is_flag=True, help="Stop at the first test that is not AC.")
@json_option
def judge(
    problem: str,
    source: str | None,
    problem_id: str | None,
    language: str | None,
    answer: str | None,
    sandbox: str | None,
    stop_on_failure: bool,
    as_json: bool,
) -> int:
    """Judge SOURCE on all tests of PROBLEM.

    SOURCE is a program, a file with a final answer, or a JSONL file of samples with rows {task_id, completion}; `-`
    reads standard input. Without SOURCE the solutions that come with the problems are run and must get the verdict
    that they are meant to get, and gold answers are checked. Exit code 0 if all got it, else 1.
    """
    from solvent.errors import DataError
    from solvent.service.cli.judging import references_of, samples_from, submission_from

    settings = load_settings(sandbox=sandbox)
    problems, complaints = _problems(problem, problem_id)
    single = False
    if answer is not None or (source is not None and not source.endswith(".jsonl")):
        if len(problems) != 1:
            raise click.UsageError(f"{problem} holds {len(problems)} problems: choose one with --id")
        text = answer if answer is not None else _read_source(source or "-")
        submissions = [submission_from(problems[0], source or "answer", text, language)]
        single = True
    elif source is not None:
        found = list(samples_from(problems, source, _read_source(source), language or "python"))
        submissions = [item for item in found if not isinstance(item, DataError)]
        complaints += [item for item in found if isinstance(item, DataError)]
    else:
        submissions = []
        for one in problems:
            references, against = references_of(one)
            submissions += references
            complaints += [DataError(complaint, file=one.source or one.id) for complaint in against]
        if problems and not submissions and not complaints:
            raise DataError("no solution and no gold answer comes with it: give SOURCE", file=problem)
    judged = _judge(settings, submissions, single, stop_on_failure, as_json)
    return _report(judged, complaints, single, as_json)


def _problems(path: str, problem_id: str | None) -> tuple[list[Problem], list[DataError]]:
    from solvent.errors import DataError
    from solvent.service.cli.reading import read_problems

    found = list(read_problems(path))
    problems = [item for item in found if not isinstance(item, DataError)]
    if problem_id is not None:
        problems = [one for one in problems if one.id == problem_id]
        if not problems:
            raise DataError(f"no problem has the id {problem_id!r}", file=path)
        return problems, []
    errors = [item for item in found if isinstance(item, DataError)]
    if not problems:
        raise errors[0] if errors else DataError("holds no problem", file=path)
    return problems, errors


def _read_source(path: str) -> str:
    from solvent.errors import DataError, boundary

    if path == "-":
        return sys.stdin.read()
    with boundary(DataError, f"read {path}", OSError, UnicodeDecodeError):
        return Path(path).read_text(encoding="utf-8")


def _judge(
    settings: Settings, submissions: list[Submission], single: bool, stop_on_failure: bool, as_json: bool
) -> list[Judged]:
    from solvent.problems.problem import ProblemKind
    from solvent.sandbox.choose import open_sandbox
    from solvent.service.cli.judging import judge_all, judge_submission
    from solvent.service.cli.loop import run, unless_stopped

    needs_sandbox = any(one.problem.kind is not ProblemKind.MATH for one in submissions)

    async def main(stop: asyncio.Event) -> list[Judged]:
        sandbox = await open_sandbox(settings) if needs_sandbox else None
        try:
            if single:
                on_test = None if as_json else _print_test
                work = _list(
                    judge_submission(sandbox, submissions[0], stop_on_failure=stop_on_failure, on_test=on_test)
                )
            else:
                counted = Counter[str]()

                def on_end(one: Judged) -> None:
                    counted["done"] += 1
                    _print_progress(one, counted["done"], len(submissions), as_json)

                work = judge_all(sandbox, submissions, on_end)
            return await unless_stopped(work, stop)
        finally:
            if sandbox is not None:
                await sandbox.aclose()

    return run(main)


async def _list(one: Coroutine[None, None, Judged]) -> list[Judged]:
    return [await one]


def _print_test(test: TestResult) -> None:
    memory = f"  {test.peak_memory_mb:.0f} MiB" if test.peak_memory_mb is not None else ""
    word = _coloured(test.verdict.value) + _points(test.score)
    click.echo(f"{test.name}  {word}  {test.cpu_s:.3f} s{memory}  {test.message}".rstrip())


def _points(score: float | None) -> str:
    return "" if score is None else f" {score:g}"


def _print_progress(one: Judged, done: int, total: int, as_json: bool) -> None:
    if as_json:
        return
    word = _coloured(one.verdict.value) if one.verdict else "not judged"
    expected = one.submission.expected
    names = "/".join(verdict.value for verdict in expected)
    wanted = f" (expected {names})" if expected and one.verdict not in expected else ""
    message = "" if one.right else f"  {one.row()['message']}".splitlines()[0]
    click.echo(f"[{done}/{total}] {one.submission.problem.id}  {one.submission.name}  {word}{wanted}{message}")


def _coloured(verdict: str) -> str:
    return click.style(verdict, fg={"AC": "green", "IE": "yellow", "CE": "yellow"}.get(verdict, "red"))


def _report(judged: list[Judged], complaints: list[DataError], single: bool, as_json: bool) -> int:
    right = sum(one.right is True for one in judged)
    not_judged = sum(one.right is None for one in judged)
    if as_json:
        rows = [one.row() for one in judged]
        errors = [error.to_dict() for error in complaints]
        click.echo(json.dumps(rows[0] if single else {"rows": rows, "errors": errors}, ensure_ascii=False, indent=2))
    elif single:
        one = judged[0]
        word = _coloured(one.verdict.value) if one.verdict else "not judged"
        word += _points(one.judgement.score if one.judgement else None)
        click.echo(f"{word}  {one.submission.problem.id}  {one.row()['message']}".rstrip())
    else:
        for error in complaints:
            click.echo(f"bad data: {error}", err=True)
        verdicts = Counter(one.verdict.value if one.verdict else "not judged" for one in judged)
        tally = ", ".join(f"{name} {number}" for name, number in verdicts.most_common())
        words = [f"{right} of {len(judged)} as expected", tally, f"{len(complaints)} bad rows" if complaints else ""]
        click.echo(" · ".join(filter(None, words)))
    if complaints and not single:
        return 5
    return 0 if right + (0 if single else not_judged) == len(judged) else 1
