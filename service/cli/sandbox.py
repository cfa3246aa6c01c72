"""`solvent sandbox`: what the sandbox promises, tried out on this machine."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING, Literal

import click
from pydantic import JsonValue

from solvent.service.cli.engine_proxy import engine_proxy
from solvent.service.cli.options import json_option, load_settings

if TYPE_CHECKING:
    from solvent.errors import SandboxUnavailable
    from solvent.sandbox.base import Sandbox
    from solvent.sandbox.check.contract import Contract, LanguageFinding, Progress
    from solvent.sandbox.check.probe import Finding
    from solvent.settings import Settings

STYLES = {"holds": "green", "works": "green", "weaker": "yellow", "broken": "red", "absent": "bright_black"}
_WIDTH = 44

Backend = Literal["docker", "local"]

backend_option = click.option(
    "--backend",
    type=click.Choice(["auto", "docker", "local", "all"]),
    help="Which sandbox: docker, local (bubblewrap), the one that jobs use (auto), or both. [default: SOLVENT_SANDBOX]",
)


@click.group()
def sandbox() -> None:
    """Look at the sandbox in which programs run."""


sandbox.add_command(engine_proxy)


@sandbox.command(
    epilog="""Examples:

\b
  solvent sandbox check
  solvent sandbox check --backend all
  solvent sandbox check --backend docker --json > report.json

Exit codes: 0 everything holds; 1 something does not; 3 no sandbox works here."""
)
@backend_option
@json_option
def check(backend: str | None, as_json: bool) -> int:
    """Try every promise of the sandbox with small hostile programs, on this machine; takes about a quarter minute.

    Each line is a promise: `holds`; `weaker` (this backend cannot keep it here, and says so; the remedy is shown); or
    `broken` (it should hold, and does not: please report it). Then every installed language runs a first program.
    """
    contracts, missing = asyncio.run(_check_all(load_settings(), backend, quiet=as_json))
    holds = all(contract.holds for contract in contracts)
    if as_json:
        body = {
            "holds": holds and bool(contracts),
            "backends": [_contract_row(contract) for contract in contracts],
            "missing": [{"backend": name, "detail": e.message, "remedy": e.remedy} for name, e in missing],
        }
        click.echo(json.dumps(body, ensure_ascii=False, indent=2))
    elif not contracts:
        click.echo("no sandbox works here: see the remedies")
    if not contracts:
        return 3
    return 0 if holds else 1


@sandbox.command(
    "languages",
    epilog="""Examples:

\b
  solvent sandbox languages
  solvent sandbox languages --backend all --json""",
)
@backend_option
@json_option
def list_languages(backend: str | None, as_json: bool) -> int:
    """List the languages that programs may be written in, with the versions installed in the sandbox."""
    rows, works = asyncio.run(_language_rows(load_settings(), backend, quiet=as_json))
    from solvent.service.cli.table import show_rows

    columns = ("backend", "language", "title", "state", "version", "detail")
    show_rows(rows, columns, as_json=as_json, empty="no sandbox works here: see the remedies")
    if not rows:
        return 3
    return 0 if works else 1


class _Lines:
    """Writes one line per finding; on a terminal also what is being tried, until its line comes."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet

    def begin(self, what: str) -> None:
        if self._live:
            click.echo(f"\r\x1b[2K{what} ...", nl=False, err=True)

    def end(self) -> None:
        if self._live:
            click.echo("\r\x1b[2K", nl=False, err=True)

    def finding(self, finding: Finding) -> None:
        self.line(finding.probe.promise, finding.state, finding.detail)

    def language(self, found: LanguageFinding) -> None:
        version = f"{found.version}; " if found.version else ""
        self.line(found.language.title, _language_state(found), f"{version}{found.detail}")

    def line(self, what: str, state: str, detail: str) -> None:
        self.end()
        if not self._quiet:
            click.echo(f"{what.ljust(_WIDTH)}  {click.style(state.ljust(7), fg=STYLES[state])}  {detail}".rstrip())

    def say(self, text: str) -> None:
        self.end()
        if not self._quiet:
            click.echo(text)

    def progress(self) -> Progress:
        from solvent.sandbox.check.contract import Progress

        return Progress(self.begin, self.finding, self.language)


async def _check_all(
    settings: Settings, backend: str | None, *, quiet: bool
) -> tuple[list[Contract], list[tuple[str, SandboxUnavailable]]]:
    from solvent.sandbox.check.contract import check_sandbox

    lines = _Lines(quiet=quiet)
    contracts = []
    started, missing = await _start(settings, backend, lines)
    for name, one in started:
        try:
            slots = f"{one.slots} programs at once"
            lines.say(f"{name}: {one.info.isolation}, {slots}")
            begun = time.perf_counter()
            contract = await check_sandbox(one, lines.progress())
            contracts.append(contract)
            _say_end(lines, contract, time.perf_counter() - begun)
        finally:
            await one.aclose()
    return contracts, missing


def _say_end(lines: _Lines, contract: Contract, seconds: float) -> None:
    if contract.speed is not None:
        speed = contract.speed
        each = f"{speed.at_once} at once; one alone {speed.alone_ms:.1f} ms"
        lines.say(f"speed: {speed.per_s:.0f} tiny Python programs/s, {each}")
    failed = [finding for finding in contract.findings if finding.state != "holds"]
    broken = [found for found in contract.languages if found.works is False]
    count = len(contract.findings)
    lines.say(f"{count - len(failed)} of {count} promises hold ({seconds:.1f} s)")
    for remedy in _remedies(contract):
        lines.say(f"remedy: {remedy}")
    for found in broken:
        lines.say(f"remedy: {found.language.title} is installed but does not work: build the sandbox's root anew")
    lines.say("")


def _remedies(contract: Contract) -> list[str]:
    states = {finding.state for finding in contract.findings}
    remedies = []
    if "weaker" in states:
        better = (
            "use Docker, or run as root" if contract.info.backend == "local" else "use a kernel with control groups"
        )
        remedies.append(f"for what is weaker: {better}")
    if "broken" in states:
        remedies.append(
            "for what is broken: do not run foreign programs here; set SOLVENT_SANDBOX to the other backend, and "
            "report the output of `solvent sandbox check --json`"
        )
    return remedies


async def _language_rows(
    settings: Settings, backend: str | None, *, quiet: bool
) -> tuple[list[dict[str, JsonValue]], bool]:
    from solvent.sandbox.check.contract import Progress, check_languages

    lines = _Lines(quiet=quiet)
    rows: list[dict[str, JsonValue]] = []
    works = True
    started, _ = await _start(settings, backend, lines)
    for name, one in started:
        progress = Progress(lines.begin, lambda _: None, lambda _: None)
        try:
            found = await check_languages(one, progress)
        finally:
            await one.aclose()
        lines.end()
        works = works and all(language.works is not False for language in found)
        rows += [{"backend": name, **_language_row(language)} for language in found]
    return rows, works


async def _start(
    settings: Settings, backend: str | None, lines: _Lines
) -> tuple[list[tuple[str, Sandbox]], list[tuple[str, SandboxUnavailable]]]:
    """Return the started sandboxes that were asked for, and those that do not work here."""
    from solvent.errors import SandboxUnavailable
    from solvent.sandbox.choose import open_sandbox

    wanted = backend or settings.sandbox
    started: list[tuple[str, Sandbox]] = []
    missing: list[tuple[str, SandboxUnavailable]] = []
    for name in ("docker", "local") if wanted == "all" else (wanted,):
        lines.begin(f"starting {name}")
        try:
            one = await open_sandbox(settings.model_copy(update={"sandbox": name}))
        except SandboxUnavailable as error:
            missing.append((name, error))
            lines.say(f"{name}: {error.message}")
            if error.remedy:
                lines.say(f"remedy: {error.remedy}\n")
        else:
            started.append((one.info.backend, one))
    return started, missing


def _language_state(found: LanguageFinding) -> str:
    if found.works is None:
        return "absent" if found.version is None else "works"
    return "works" if found.works else "broken"


def _language_row(found: LanguageFinding) -> dict[str, JsonValue]:
    return {
        "language": found.language.name,
        "title": found.language.title,
        "state": _language_state(found),
        "version": found.version,
        "detail": found.detail,
        "extensions": list(found.language.extensions),
        "aliases": list(found.language.aliases),
    }


def _contract_row(contract: Contract) -> dict[str, JsonValue]:
    speed = contract.speed
    return {
        "backend": contract.info.backend,
        "isolation": contract.info.isolation,
        "guarantees": dict(contract.info.guarantees),
        "holds": contract.holds,
        "probes": [
            {
                "name": finding.probe.name,
                "group": finding.probe.group,
                "promise": finding.probe.promise,
                "state": finding.state,
                "detail": finding.detail,
                "seconds": round(finding.seconds, 3),
            }
            for finding in contract.findings
        ],
        "languages": [_language_row(found) for found in contract.languages],
        "speed": None
        if speed is None
        else {
            "python_programs_per_s": round(speed.per_s, 1),
            "one_alone_ms": round(speed.alone_ms, 2),
            "at_once": speed.at_once,
        },
    }
