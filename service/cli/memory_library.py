"""Verbs of `solvent memory` for the whole of it: export, import, snapshots, and whether the index is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solvent.errors import StoreError, boundary
from solvent.service.cli.memory_rows import (
    examples,
    moment,
    read_text,
    warn,
)
from solvent.service.cli.memory_source import with_store
from solvent.service.cli.options import json_option

if TYPE_CHECKING:
    from solvent.memory.store import ConceptStore


@click.command(
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


@click.command(
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


@click.command(
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


@click.command(epilog=examples("solvent memory check", "solvent memory check --repair"))
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


@click.command()
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


COMMANDS = (export, import_library, snapshot, check, reindex)
