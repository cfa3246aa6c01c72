"""Which problems `batch run --again` goes back to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import click
import pytest

from solvent.errors import DataError
from solvent.memory.concept import Concept, ConceptKind, ConceptStatus, Content, Provenance
from solvent.problems.problem import IoTest, Problem, ProblemKind
from solvent.service.cli.again import chosen_again
from solvent.service.cli.memory_source import Source

NAMES = {"one": "the Ember rule", "two": "the Frost rule", "three": "the Ember rule", "four": "no rule"}


def concept(id: str, name: str, status: ConceptStatus = ConceptStatus.ACTIVE) -> Concept:
    return Concept(
        id=id,
        namespace="default",
        version=2,
        content=Content(name=name, kind=ConceptKind.ROUTINE, summary="what it does"),
        status=status,
        provenance=Provenance(),
        created_at=0.0,
        updated_at=0.0,
    )


class Memory:
    """A memory's concepts, without what they were worth."""

    def __init__(self, concepts: Sequence[Concept]) -> None:
        self._concepts = concepts

    def concepts(self, *, namespace: str | None, archived: bool) -> list[tuple[Concept, None]]:
        assert (namespace, archived) == (None, False)
        return [(one, None) for one in self._concepts]


def unused() -> Source:
    raise AssertionError("nobody asked for the memory")


def problems() -> list[Problem | DataError]:
    test = IoTest(name="sample", stdin="1", expected="2")
    made = [
        Problem(id=id, kind=ProblemKind.STDIO, statement=f"Apply {named}.", public_tests=(test,), hidden_tests=(test,))
        for id, named in NAMES.items()
    ]
    return [*made, DataError("a row that could not be read")]


def row(id: str | None, outcome: str | None = "exhausted", **memory: Any) -> dict[str, Any]:
    return {"problem_id": id, "outcome": outcome, **({"memory": memory} if memory else {})}


def chosen(
    folder: Path,
    rows: Sequence[dict[str, Any]],
    concepts: Sequence[Concept] = (),
    *,
    learned: bool = False,
    memory: str = "read",
) -> list[str]:
    results = folder / "results.jsonl"
    results.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n", encoding="utf-8")
    options = {"again": results, "learned": learned, "memory": memory}
    found = chosen_again(iter(problems()), options, lambda: cast(Source, Memory(concepts)))
    return [item.id for item in found if isinstance(item, Problem)]


def test_without_results_all_stays() -> None:
    options = {"again": None, "learned": False, "memory": "off"}
    assert len(list(chosen_again(iter(problems()), options, unused))) == len(NAMES) + 1


def test_it_takes_what_no_row_solved_and_nothing_else(tmp_path: Path) -> None:
    rows = [row("one"), row("two", "solved"), row("four", None), row(None, None)]
    assert chosen(tmp_path, rows) == ["one", "four"]
    # What a model wrote may have what other readers take for the end of a line.
    assert chosen(tmp_path, [{**row("one"), "answer": "a\u2028b\x85c"}]) == ["one"]
    # Several attempts at one problem, or equal rows: one that is solved is enough.
    assert chosen(tmp_path, [*rows, row("one", "solved")]) == ["four"]
    with pytest.raises(DataError, match=r"results\.jsonl: none of these problems was left unsolved"):
        chosen(tmp_path, [row("two", "solved")])


def test_learned_takes_of_these_what_names_a_concept_that_it_was_not_shown(tmp_path: Path) -> None:
    ember, frost = concept("con-e", "Ember rule"), concept("con-f", "Frost rule")
    rows = [row("one", chosen=["con-e:1"]), row("two", chosen=["con-e:1"]), row("three"), row("four")]
    assert chosen(tmp_path, rows, [ember, frost], learned=True) == ["two", "three"]
    assert chosen(tmp_path, rows, [ember], learned=True) == ["three"]
    # What was chosen and held out, nobody was shown.
    rows[0] = row("one", chosen=["con-e:1"], held_out=True)
    assert chosen(tmp_path, rows, [ember], learned=True) == ["one", "three"]
    for nothing in ([], [concept("con-e", "Ember rule", ConceptStatus.DEMOTED)]):
        with pytest.raises(DataError, match="names a concept that it was not shown"):
            chosen(tmp_path, rows, nothing, learned=True)


def test_options_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="give both"):
        chosen_again(iter([]), {"again": None, "learned": True, "memory": "read"}, unused)
    for memory in ("off", "frozen:snap-0123456789abcdef"):
        with pytest.raises(click.UsageError, match="--memory read or live"):
            chosen(tmp_path, [row("one")], learned=True, memory=memory)


@pytest.mark.parametrize(
    "line", ["no json", "[]", "3", '{"id": "one"}', '{"problem_id": "one", "outcome": "x", "memory": 3}']
)
def test_a_file_of_something_else_is_refused_by_its_row(tmp_path: Path, line: str) -> None:
    results = tmp_path / "results.jsonl"
    results.write_text(f"{json.dumps(row('one'))}\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"results\.jsonl:2: this is no row of results"):
        chosen_again(iter(problems()), {"again": results, "learned": False, "memory": "off"}, unused)
