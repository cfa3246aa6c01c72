"""`solvent memory`: search, read, write and look after what was learned."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solvent.errors import StoreError, boundary
from solvent.service.cli.memory_rows import (
    content_of_file,
    content_of_options,
    examples,
    moment,
    print_fields,
    read_text,
    report,
    row_of,
    warn,
    whole,
)
from solvent.service.cli.memory_source import open_source, refuse_writing, with_store
from solvent.service.cli.options import json_option

if TYPE_CHECKING:
    from solvent.memory.results import Written
    from solvent.memory.store import ConceptStore


@click.group(
    epilog="""Examples:

\b
  solvent memory import library.json
  solvent memory search "shortest path in a grid with obstacles"
  solvent memory add --name "Ember rule" --summary "add 3 to every number"
  solvent memory snapshot --note "before the contest"
  solvent solve problem.md --memory read

docs/memory.md has the schema of libraries and the settings."""
)
@click.option("--project", default="default", show_default=True, help="Whose memory.")
@click.pass_context
def memory(ctx: click.Context, project: str) -> None:
    """Search, read, write and look after concepts: what problems taught, for others to use.

    Texts are in the service's database (SOLVENT_DATABASE_URL, or service.sqlite in SOLVENT_HOME), vectors in Chroma
    (SOLVENT_CHROMA_URL, or a folder in SOLVENT_HOME that one process at a time can use). Needs the extra `memory`.

    With `solvent --url URL`, search, show, list, history and report read the memory of a server.
    """
    ctx.obj = project
    refuse_writing(ctx.invoked_subcommand)


@memory.command(
    epilog=examples(
        'solvent memory search "shortest path in a grid"',
        "solvent memory search - < problem.md",
        'solvent memory search --snapshot snap-0123456789abcdef --json "shortest path"',
    )
)
@click.argument("query", nargs=-1, required=True)
@click.option("--limit", "-n", type=click.IntRange(1, 1000), default=10, show_default=True)
@click.option("--snapshot", metavar="SNAPSHOT", help="Search this snapshot instead of what there is now.")
@json_option
@click.pass_obj
def search(project: str, query: tuple[str, ...], limit: int, snapshot: str | None, as_json: bool) -> int:
    """Find the concepts that fit QUERY best: by vectors and by words, fused. `-` reads standard input.

    Exit code 1 where nothing is found.
    """
    from solvent.service.cli.table import show_rows

    text = sys.stdin.read() if query == ("-",) else " ".join(query)
    hits = open_source(project).search(text, limit=limit, snapshot=snapshot)
    rows: list[dict[str, Any]] = [
        {
            "score": round(hit.score, 5),
            "similarity": None if hit.similarity is None else round(hit.similarity, 3),
            "keyword_score": None if hit.keyword_score is None else round(hit.keyword_score, 3),
            "name": hit.concept.content.name,
            "kind": hit.concept.content.kind.value,
            "status": hit.concept.status.value,
            "text": hit.concept.content.text,
            "id": hit.concept.id,
            "version": hit.concept.version,
            "namespace": hit.concept.namespace,
        }
        for hit in hits
    ]
    show_rows(rows, ("similarity", "name", "kind", "status", "text"), as_json=as_json, empty="nothing fits")
    return 0 if rows else 1


@memory.command("list")
@click.option("--all", "archived", is_flag=True, help="With archived ones.")
@click.option("--namespace", help="A shared namespace instead of the project's own.")
@json_option
@click.pass_obj
def list_concepts(project: str, archived: bool, namespace: str | None, as_json: bool) -> None:
    """List concepts by name."""
    from solvent.service.cli.table import show_rows

    rows = [row_of(*found) for found in open_source(project).concepts(namespace=namespace, archived=archived)]
    columns = ("name", "kind", "version", "status", "chosen", "solved_with", "tried_with", "id")
    show_rows(
        rows, columns, as_json=as_json, empty="there are no concepts; `solvent memory import FILE` reads a library"
    )


@memory.command()
@click.argument("concept", metavar="NAME|ID")
@click.option("--version", type=click.IntRange(min=1), help="An earlier version.")
@json_option
@click.pass_obj
def show(project: str, concept: str, version: int | None, as_json: bool) -> None:
    """Show a concept whole."""
    row = whole(*open_source(project).concept(concept, version=version))
    if as_json:
        click.echo(json.dumps(row, ensure_ascii=False, indent=2))
        return
    print_fields(row)


@memory.command(
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


@memory.command(
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


@memory.command(
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


@memory.command(epilog=examples('solvent memory feedback "Ember rule" --helpful'))
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


@memory.command(epilog=examples('solvent memory merge "Ember rule" "Fire rule" con-0123456789abcdef'))
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


@memory.command()
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


@memory.command()
@click.argument("concept", metavar="NAME|ID")
@json_option
@click.pass_obj
def history(project: str, concept: str, as_json: bool) -> None:
    """List the versions of a concept, oldest first. A deleted one is named by its id."""
    from solvent.service.cli.table import show_rows

    records = open_source(project).history(concept)
    rows: list[dict[str, Any]] = [
        {
            "version": record.concept.version,
            "action": record.action,
            "status": record.concept.status.value,
            "time": moment(record.concept.updated_at),
            "source": record.concept.provenance.source,
            "note": record.concept.provenance.note,
            "content": record.concept.content.model_dump(mode="json", exclude_defaults=True),
        }
        for record in records
    ]
    show_rows(rows, ("version", "action", "status", "time", "source", "note"), as_json=as_json, empty="none")


@memory.command(
    "export",
    epilog=examples(
        "solvent memory export --out library.json",
        "solvent memory export --snapshot snap-0123456789abcdef | solvent memory --project other import -",
    ),
)
@click.option(
    "--out", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file, not to the output."
)
@click.option("--all", "archived", is_flag=True, help="With demoted and archived ones.")
@click.option("--snapshot", metavar="SNAPSHOT", help="A snapshot instead of what there is now.")
@click.pass_obj
def export(project: str, out: Path | None, archived: bool, snapshot: str | None) -> None:
    """Write a library: all concepts as JSON, with versions, provenance and counters."""
    from solvent.memory.concept import ConceptStatus
    from solvent.memory.exchange import export_library

    async def read(store: ConceptStore) -> dict[str, Any]:
        if snapshot:
            concepts = list(await store.members(snapshot))
        else:
            every = await store.list(archived=archived)
            concepts = [one for one in every if archived or one.status is ConceptStatus.ACTIVE]
        return export_library(concepts, await store.utility([one.id for one in concepts]))

    text = json.dumps(with_store(project, read), ensure_ascii=False, indent=2)
    if out is None:
        click.echo(text)
        return
    with boundary(StoreError, f"write the library to {out}", OSError):
        out.write_text(text + "\n", encoding="utf-8")


@memory.command(
    "import",
    epilog=examples(
        "solvent memory import library.json",
        "solvent memory import --on-conflict skip arcmemo.yaml",
        "solvent memory import cheatsheet.md",
    ),
)
@click.argument("file")
@click.option(
    "--on-conflict",
    type=click.Choice(["merge", "replace", "skip", "fail"]),
    default="merge",
    show_default=True,
    help="What to do with a concept whose name is taken.",
)
@json_option
@click.pass_obj
def import_library(project: str, file: str, on_conflict: Any, as_json: bool) -> None:
    """Read a library from FILE (JSON, JSON Lines, YAML; `-` is standard input, no YAML): all of it, or nothing.

    Libraries in ArcMemo's form (concepts by name; lessons with situation and suggestion) and cheatsheets (items, or a
    text with <memory_item> blocks) are read as well; docs/memory.md has the table of fields.
    """
    from solvent.memory.exchange import read_library

    rows = read_library(read_text(file), file=file)
    contents = [row.content for row in rows]
    note = "standard input" if file == "-" else Path(file).name
    done = with_store(project, lambda store: store.import_all(contents, on_conflict=on_conflict, note=note))
    if as_json:
        click.echo(json.dumps({name: getattr(done, name) for name in ("added", "changed", "unchanged", "unindexed")}))
        return
    click.echo(f"{len(done.added)} added, {len(done.changed)} changed, {len(done.unchanged)} unchanged")
    warn(done.unindexed)


@memory.command(
    epilog=examples(
        'solvent memory snapshot --note "before the contest"',
        "solvent memory snapshot --diff snap-0123456789abcdef",
        "solvent batch run problems/ --memory frozen:snap-0123456789abcdef",
    )
)
@click.option("--note", default="", help="What it is for.")
@click.option("--list", "as_list", is_flag=True, help="List those that there are.")
@click.option("--diff", "compared", nargs=1, metavar="SNAPSHOT", help="What changed since this one.")
@json_option
@click.pass_obj
def snapshot(project: str, note: str, as_list: bool, compared: str | None, as_json: bool) -> None:
    """Keep what the memory is now, for jobs with `--memory frozen:ID`; the same content has the same id."""
    from dataclasses import asdict

    from solvent.service.cli.table import show_rows

    if compared is not None:
        difference = asdict(with_store(project, lambda store: store.diff(compared)))
        if as_json:
            click.echo(json.dumps(difference, ensure_ascii=False, indent=2))
            return
        for what, names in difference.items():
            for name in names:
                click.echo(f"{what}  {name}")
        return
    if as_list:
        found = with_store(project, lambda store: store.snapshots())
        rows: list[dict[str, Any]] = [{**one.model_dump(), "time": moment(one.created_at)} for one in found]
        show_rows(rows, ("id", "members", "time", "note"), as_json=as_json, empty="there are no snapshots")
        return
    made = with_store(project, lambda store: store.snapshot(note))
    click.echo(made.model_dump_json() if as_json else f"{made.id} ({made.members} concepts)")


@memory.command("report", epilog=examples("solvent memory report --top 5", "solvent memory report --plot report.svg"))
@click.option("--top", type=click.IntRange(0, 1000), default=10, show_default=True, help="Concepts of each list.")
@click.option(
    "--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw it too, to a .png, .svg or .pdf file."
)
@json_option
@click.pass_obj
def report_worth(project: str, top: int, plot: Path | None, as_json: bool) -> None:
    """Tell what the memory was worth: growth, hit rate, uplift, accuracy over the order of jobs, single concepts.

    The baseline is the jobs whose concepts were held out by chance, with the same prompts and an empty memory. Pictures
    need the extra `plots`.
    """
    found = open_source(project).report(top=top)
    if plot is not None:
        from solvent.service.cli.memory_plot import draw

        draw(found, plot)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    from solvent.service.cli.memory_report import show_report

    show_report(found)


@memory.command()
@click.argument("concept", metavar="NAME|ID")
@json_option
@click.pass_obj
def restore(project: str, concept: str, as_json: bool) -> None:
    """Give a demoted or archived concept another trial; what jobs showed of it before does not count."""

    async def back(store: ConceptStore) -> Written:
        return await store.set_archived((await store.get(concept)).id, archived=False)

    report(with_store(project, back), "restored", as_json)


@memory.command(epilog=examples("solvent memory check", "solvent memory check --repair"))
@click.option("--repair", is_flag=True, help="Make the index right.")
@click.option("--namespace", help="A shared namespace instead of the project's own.")
@json_option
@click.pass_obj
def check(project: str, repair: bool, namespace: str | None, as_json: bool) -> int:
    """Compare Chroma's vectors with the texts. Exit code 1 where they differ and nothing was repaired."""
    from dataclasses import asdict

    found = with_store(project, lambda store: store.reindex(namespace) if repair else store.check(namespace))
    if as_json:
        click.echo(json.dumps({**asdict(found), "is_sound": found.is_sound, "repaired": repair}))
    else:
        said = f"{found.active} active concepts, {len(found.missing)} without their vector, "
        said += f"{len(found.orphans)} vectors left over, {len(found.unmarked)} marks wrong"
        click.echo(f"{said}{'; repaired' if repair and not found.is_sound else ''}")
        if not found.is_sound and not repair:
            click.echo("remedy: solvent memory check --repair (the next search repairs what is missing by itself)")
    return 0 if found.is_sound or repair else 1


@memory.command()
@click.option("--namespace", help="A shared namespace instead of the project's own.")
@json_option
@click.pass_obj
def reindex(project: str, namespace: str | None, as_json: bool) -> None:
    """Make all vectors again, as after a change of the embedder or a loss of Chroma's data."""
    found = with_store(project, lambda store: store.reindex(namespace, whole=True))
    if as_json:
        click.echo(json.dumps({"collection": found.collection, "indexed": found.active}))
        return
    click.echo(f"{found.active} concepts indexed in {found.collection}")
