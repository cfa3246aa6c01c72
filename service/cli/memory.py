"""`solvent memory`: search, read, write and look after what was learned."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from solvent.service.cli.memory_edit import COMMANDS as EDITING
from solvent.service.cli.memory_library import COMMANDS as KEEPING
from solvent.service.cli.memory_rows import (
    examples,
    moment,
    print_fields,
    row_of,
    whole,
)
from solvent.service.cli.memory_source import open_source, refuse_writing
from solvent.service.cli.options import json_option


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


for command in (*EDITING, *KEEPING):
    memory.add_command(command)
