"""The `solvent` command. Groups and commands are imported only when one is called, so that help is instant."""

from __future__ import annotations

import importlib
import os
import sys

import click

from solvent import __version__
from solvent.errors import SolventError

EXIT_CODES = (
    "Exit codes: 0 solved or done; 1 finished but unsolved or not accepted; 2 usage or configuration; "
    "3 something outside is missing or does not answer; 4 budget exhausted before an answer; 5 bad data; "
    "130 interrupted (partial results are kept)."
)

_COMMANDS = {
    "solve": ("solvent.service.cli.solve:solve", "Solve one problem from a file or standard input."),
    "batch": ("solvent.service.cli.batch:batch", "Run many problems under one budget."),
    "judge": ("solvent.service.cli.judge:judge", "Judge a program or an answer against a problem."),
    "problem": ("solvent.service.cli.problem:problem", "Check problem packages."),
    "run": ("solvent.service.cli.run:run", "List and show what was run."),
    "models": ("solvent.service.cli.models:models", "List and show model profiles; serve the bundled model."),
    "strategies": ("solvent.service.cli.strategies:strategies", "List and show strategies."),
    "memory": ("solvent.service.cli.memory:memory", "Search, read, write and look after concepts."),
    "sandbox": ("solvent.service.cli.sandbox:sandbox", "Check what the sandbox promises; list its languages."),
    "serve": ("solvent.service.cli.serve:serve", "Serve jobs and batches over HTTP."),
    "worker": ("solvent.service.cli.worker:worker", "Work on the jobs of the service."),
    "migrate": ("solvent.service.cli.migrate:migrate", "Bring the service's database to this version's tables."),
    "keys": ("solvent.service.cli.keys:keys", "Add, list and revoke API keys of the HTTP interface."),
    "admin": ("solvent.service.cli.admin:admin", "Sweep the service's database and artifacts."),
    "doctor": ("solvent.service.cli.doctor:doctor", "Check every part and say what is missing."),
}

_OF_SERVERS = ("solve", "batch", "run", "memory")
"""What works against a server as well."""
_OF_THIS_MACHINE = frozenset({"judge", "problem", "sandbox", "serve", "keys", "migrate", "admin", "worker", "doctor"})
"""What could not mean a server, so that a variable that names one is none of its business."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order in which a newcomer needs them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve the name; a wrong one names the nearest."""
        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            import difflib

            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(_COMMANDS)}"
            raise click.UsageError(f"no such command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples and exit codes."""
        with formatter.section("Examples"):
            formatter.write_text("solvent solve problem.md")
            formatter.write_text("solvent batch run problems/ --budget tokens=200000,time=10m")
            formatter.write_text("solvent judge problem.md solution.py")
        formatter.write_paragraph()
        formatter.write_text(EXIT_CODES)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="solvent %(version)s")
@click.option(
    "--url",
    envvar="SOLVENT_URL",
    show_envvar=True,
    metavar="URL",
    help="Use the server at URL (solve, batch, run, memory); its key is read from SOLVENT_API_KEY.",
)
@click.pass_context
def cli(ctx: click.Context, url: str | None) -> None:
    """Solve coding and math problems: a model writes, a sandbox runs and checks, a budget holds."""
    command = ctx.invoked_subcommand
    if not url or command is None or command in _OF_SERVERS:
        return
    given = ctx.get_parameter_source("url") is click.core.ParameterSource.COMMANDLINE
    if given or command not in _OF_THIS_MACHINE:
        remedy = "leave --url out" if given else "unset SOLVENT_URL"
        raise click.UsageError(
            f"`solvent {command}` does not work against a server yet; {', '.join(_OF_SERVERS)} do ({remedy})"
        )


def main() -> None:
    """Run the command line and exit with the code that the help text promises."""
    try:
        code = cli(standalone_mode=False)
    except click.exceptions.Exit as exit_request:
        code = exit_request.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        code = 130
    except BrokenPipeError:
        # The reader went away (`| head`); python would complain again while flushing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except SolventError as error:
        click.echo(f"error: {error.message}", err=True)
        if error.remedy:
            click.echo(f"remedy: {error.remedy}", err=True)
        code = error.exit_code
    sys.exit(code if isinstance(code, int) else 0)
