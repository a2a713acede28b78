"""`lightline ask LINE`: one line's figures now, asked for by the running collector."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from lightline.commands import options
from lightline.problem import UserError
from lightline.settings import load_settings

if TYPE_CHECKING:
    from collector.asks import LineAnswer

_NO_READINGS = 1  # exit code: the line is known, but there is nothing to show now
_LONGEST_S = 60.0


def ask(
    line: Annotated[str, typer.Argument(metavar="LINE", help="The line's id, as in the lines files or on its page.")],
    data: options.Data = None,
    json: options.Json = False,
) -> None:
    """Ask the device for this one line, now. The running collector does it, within the device's pace and budget.

    Exit code 1 when the device cannot or must not be asked now; 2 when no collector runs or the line is not known.
    """
    from collector.asks import CollectorAwayError, ask_collector

    settings = load_settings(data=data)
    try:
        answer = asyncio.run(ask_collector(settings.collector_asks_path, line, _LONGEST_S))
    except (CollectorAwayError, ValueError) as error:
        raise UserError(str(error)) from None
    except TimeoutError:
        raise UserError(f"the collector did not answer within {_LONGEST_S:g} s; `lightline status` tells why") from None
    if json:
        from lightline.output import print_json

        print_json(answer)
    elif answer.outcome == "answered":
        _print(answer)
    if answer.outcome == "unknown_line":
        raise UserError(f'line "{line}": {answer.detail}')
    if answer.outcome != "answered":
        if not json:
            typer.echo(f"{line}: {answer.detail}", err=True)
        raise typer.Exit(_NO_READINGS)


def _print(answer: "LineAnswer") -> None:
    from lightline.output import print_table
    from plant.fields import fields

    known = fields()
    rows = [
        (name, "" if value is None else value, known[name].unit, answer.quality.get(name, ""))
        for name, value in answer.readings.items()
    ]
    at = "" if answer.time is None else f"{answer.time:%Y-%m-%d %H:%M:%S} UTC"
    print_table(f"{answer.line_id} on {answer.device}, {at}", ("figure", "value", "unit", "why there is none"), rows)
    for note in answer.notes:
        typer.echo(f"note: {note}")
