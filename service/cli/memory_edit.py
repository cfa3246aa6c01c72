"""Verbs of `solvent memory` that change concepts one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from solvent.service.cli.memory_rows import (
    content_of_file,
    content_of_options,
    examples,
    report,
)
from solvent.service.cli.memory_source import with_store
from solvent.service.cli.options import json_option

if TYPE_CHECKING:
    from solvent.memory.results import Written
    from solvent.memory.store import ConceptStore


@click.command(
    epilog=examples(
        'solvent memory add --name "Ember rule" --summary "add 3 to every number" --cue "the rule is named"',
        'solvent memory add --name "Large answers" --situation "huge answers" --suggestion "take the remainder"',
        "solvent memory add concept.yaml",
    )
)
@click.argument("file", required=False)
@click.option("--name")
@click.option("--kind", type=click.Choice(["structure", "routine", "insight"]), default="routine", show_default=True)
@click.option("--summary", help="What it is or does, in one line.")
@click.option("--cue", "cues", multiple=True, help="A sign in a problem that it may help; may be repeated.")
@click.option("--note", "notes", multiple=True, help="How to implement it; may be repeated.")
@click.option("--situation", help="Of an insight: when it applies.")
@click.option("--suggestion", help="Of an insight: what to do then.")
@json_option
@click.pass_obj
def add(project: str, /, file: str | None, as_json: bool, **fields: Any) -> None:
    """Add one concept: from options, or from FILE.

    FILE is JSON or YAML with the fields of docs/memory.md; `-` is JSON from standard input.
    """
    from solvent.memory.concept import Provenance

    content = content_of_file(file) if file is not None else content_of_options(fields)
    report(with_store(project, lambda store: store.add(content, Provenance(source="person"))), "added", as_json)


@click.command(
    epilog=examples(
        'solvent memory edit "Ember rule" --summary "add 4 to every number"',
        'solvent memory edit "Ember rule" --archive',
        'solvent memory show "Ember rule" --json > concept.json; solvent memory edit "Ember rule" concept.json',
    )
)
@click.argument("concept", metavar="NAME|ID")
@click.argument("file", required=False)
@click.option("--name", help="A new name.")
@click.option("--summary")
@click.option("--cue", "cues", multiple=True, help="In the place of all cues; may be repeated.")
@click.option("--note", "notes", multiple=True, help="In the place of all notes; may be repeated.")
@click.option("--situation")
@click.option("--suggestion")
@click.option("--archive/--restore", "archived", default=None, help="Take it out of all searches, or put it back.")
@json_option
@click.pass_obj
def edit(project: str, /, concept: str, file: str | None, archived: bool | None, as_json: bool, **fields: Any) -> None:
    """Store a new version of a concept: with the given fields changed, or as FILE has it (`-`: standard input)."""
    from solvent.memory.concept import read_content

    given = {name: value for name, value in fields.items() if value not in (None, ())}
    if file is None and not given and archived is None:
        raise click.UsageError("say what to change: FILE, an option, --archive or --restore")

    async def change(store: ConceptStore) -> Written:
        found = await store.get(concept)
        if file is not None:
            return await store.update(found.id, content_of_file(file), expected_version=found.version)
        if given:
            values = {**found.content.model_dump(), **given}
            if "summary" in given:
                # What solutions said of it was about other words, and a person is not outvoted.
                values.pop("readings", None)
            content = read_content(values)
            written = await store.update(found.id, content, expected_version=found.version)
        if archived is not None:
            written = await store.set_archived(found.id, archived=archived)
        return written

    report(with_store(project, change), "stored", as_json)


@click.command(
    epilog=examples("solvent memory duplicates", 'solvent memory merge "Ember rule" "Fire rule"   # where they are one')
)
@click.option(
    "--likeness",
    type=click.FloatRange(-1, 1),
    default=0.4,
    show_default=True,
    help="From which on a pair is told; lower finds more, and more that is not the same.",
)
@json_option
@click.pass_obj
def duplicates(project: str, likeness: float, as_json: bool) -> int:
    """List pairs of concepts that may be one idea under two names, the likest first; nothing is changed.

    Jobs ask their model before they write a new name; what people add and import is compared here. Exit code 1 where
    there are none.
    """
    from solvent.memory.sameness import likely_pairs
    from solvent.service.cli.table import show_rows

    pairs = with_store(project, lambda store: likely_pairs(store, likeness))
    rows: list[dict[str, Any]] = [
        {
            "likeness": round(score, 3),
            "name": first.content.name,
            "other": second.content.name,
            "text": first.content.text,
            "other_text": second.content.text,
            "id": first.id,
            "other_id": second.id,
        }
        for score, first, second in pairs
    ]
    show_rows(rows, ("likeness", "name", "other", "text", "other_text"), as_json=as_json, empty="no pair is that alike")
    return 0 if rows else 1


@click.command(epilog=examples('solvent memory feedback "Ember rule" --helpful'))
@click.argument("concept", metavar="NAME|ID")
@click.option("--helpful/--harmful", default=None, required=True, help="What it was.")
@json_option
@click.pass_obj
def feedback(project: str, concept: str, helpful: bool, as_json: bool) -> None:
    """Say that a concept helped or did harm."""
    counted = with_store(project, lambda store: store.feedback(concept, helpful=helpful))
    if as_json:
        click.echo(counted.model_dump_json())
        return
    click.echo(f"{concept}: helpful {counted.helpful}, harmful {counted.harmful}")


@click.command(epilog=examples('solvent memory merge "Ember rule" "Fire rule" con-0123456789abcdef'))
@click.argument("into", metavar="NAME|ID")
@click.argument("others", metavar="NAME|ID...", nargs=-1, required=True)
@json_option
@click.pass_obj
def merge(project: str, into: str, others: tuple[str, ...], as_json: bool) -> None:
    """Join concepts into the first: it keeps its name and text, and the others are deleted."""

    async def join(store: ConceptStore) -> Written:
        kept = await store.get(into)
        return await store.merge(kept.id, [(await store.get(other)).id for other in others])

    report(with_store(project, join), "merged into", as_json)


@click.command()
@click.argument("concepts", metavar="NAME|ID...", nargs=-1, required=True)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def delete(project: str, concepts: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Delete concepts. Their history and the snapshots that they are in stay."""
    if not yes:
        click.confirm(f"delete {', '.join(concepts)}?", abort=True)

    async def remove(store: ConceptStore) -> list[Written]:
        found = [await store.get(one) for one in concepts]
        return [await store.delete(one.id) for one in found]

    for written in with_store(project, remove):
        report(written, "deleted", as_json)


@click.command()
@click.argument("concept", metavar="NAME|ID")
@json_option
@click.pass_obj
def restore(project: str, concept: str, as_json: bool) -> None:
    """Give a demoted or archived concept another trial; what jobs showed of it before does not count."""

    async def back(store: ConceptStore) -> Written:
        return await store.set_archived((await store.get(concept)).id, archived=False)

    report(with_store(project, back), "restored", as_json)


COMMANDS = (add, edit, duplicates, feedback, merge, delete, restore)
