"""The `lightline` command. Standard output carries the result, standard error the log; exit 2 means bad input."""

import os
import sys

import typer

from lightline.commands import (
    analyze,
    ask,
    backtest,
    backup,
    check,
    collect,
    demo,
    grafana,
    history,
    learn,
    ledger,
    migrate,
    mode,
    move,
    people,
    plan,
    probe,
    quarter,
    run,
    serve,
    simulate,
    status,
    tell,
    tree,
)
from lightline.commands.examples import below
from lightline.logs import configure_logs
from lightline.problem import UserError

app = typer.Typer(
    name="lightline",
    help="Lightline sees an access line fail before its customer does.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("check")(check.check)
app.command("probe")(probe.probe)
app.command("collect")(collect.collect)
app.command("ask")(ask.ask)
app.command("analyze")(analyze.analyze)
app.command("backtest")(backtest.backtest)
app.command("learn")(learn.learn)
app.command("tree")(tree.tree)
app.command("serve")(serve.serve)
app.command("run")(run.run)
app.command("import")(history.import_history)
app.command("export")(history.export_history)
app.command("simulate", hidden=True)(simulate.simulate)
app.command("tell")(tell.tell)
app.command("quarter")(quarter.quarter)
app.command("status")(status.status)
app.command("grafana")(grafana.grafana)
app.command("migrate")(migrate.migrate)
app.command("plan")(plan.plan_visits)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("move")(move.move)
app.add_typer(people.app, name="user")
app.add_typer(mode.mode, name="mode")
app.add_typer(ledger.ledger, name="ledger")
for _info in app.registered_commands:
    _info.epilog = below(str(_info.name))
for _group in app.registered_groups:
    for _info in _group.typer_instance.registered_commands if _group.typer_instance else ():
        _info.epilog = below(f"{_group.name} {_info.name}")


@app.callback()
def front(
    log_json: bool = typer.Option(False, "--log-json", help="Log as JSON lines."),
    log_level: str = typer.Option("INFO", "--log-level", help="DEBUG, INFO, WARNING or ERROR."),
) -> None:
    """Options before the command's name."""
    level = log_level.upper()
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise typer.BadParameter(f'"{log_level}" is not among: DEBUG, INFO, WARNING, ERROR')
    configure_logs(json=log_json or os.environ.get("LIGHTLINE_LOG_JSON") in ("1", "true"), level=level)


def main() -> None:
    """Entry point: errors a user can mend become one plain message and exit code 2."""
    try:
        app()
    except UserError as error:
        print(f"lightline: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except BrokenPipeError:
        # The reader of standard output went away, as in `lightline export … | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
