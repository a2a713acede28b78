"""`lightline quarter`: a simulated quarter of tickets and crews, its figures from the log, and counted once more."""

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from lightline.commands import options
from lightline.problem import UserError


def quarter(
    lines: Annotated[int, typer.Option(min=32, max=20_000, help="Lines of the plant.")] = 300,
    weeks: Annotated[int, typer.Option(min=1, max=53)] = 13,
    faults: Annotated[float, typer.Option(min=0.1, max=200, help="Faults a day.")] = 2.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same quarter.")] = 1,
    keep: Annotated[Path | None, typer.Option(help="Folder for the ledger and the exported log.")] = None,
    as_json: options.Json = False,
) -> None:
    """Live through a simulated quarter with crews; on-time rates, repeat visits, verified closures. Simulated figures.

    Each figure is computed from the log by the ledger and recomputed from an export with pandas; exit code 1 where
    the two differ.
    """
    if keep is not None and (keep / "ledger.sqlite").exists():
        raise UserError(f"{keep} holds a ledger already; name another folder")
    with tempfile.TemporaryDirectory() if keep is None else nullcontext(str(keep)) as folder:
        told = both(Path(folder), lines=lines, weeks=weeks, faults_a_day=faults, seed=seed)
    if as_json:
        from lightline.output import print_json

        print_json(told)
    else:
        _print(told)
    if not told["equal"]:
        raise typer.Exit(1)


def both(folder: Path, **size: Any) -> dict[str, Any]:
    """The figures of a quarter by the ledger and by pandas, and whether they are equal."""
    from datetime import timedelta

    from lightline import recount
    from lightline.quarter import ZONE, run_quarter
    from maintenance import database, records
    from maintenance.ledger import Ledger

    folder.mkdir(parents=True, exist_ok=True)
    with Ledger.open(f"sqlite:///{folder / 'ledger.sqlite'}") as ledger:
        lived = run_quarter(ledger, **size)
        now = lived.now + timedelta(weeks=size["weeks"])
        with database.reading(ledger.engine) as connection:
            entries = recount.export_log(records.whole_log(connection), folder / "log.csv")
        jobs = [kind for kind, row in ledger.rules.by_hand.kinds.items() if row.job]
        days = ledger.rules.taking.repeat_days
        ours: dict[str, Any] = {
            "on_time": [{k: r[k] for k in ("month", "work", "due", "on_time")}
                        for r in (one.to_json() for one in ledger.on_time(now))],
            "visits": [one.to_json() for one in ledger.visits()],
        }  # fmt: skip
        counts = ledger.counts(now)
    theirs = {
        "on_time": recount.on_time(folder / "log.csv", now, ZONE).to_dict("records"),
        "visits": recount.visits(folder / "log.csv", repeat_days=days, jobs=jobs, zone=ZONE).to_dict("records"),
    }
    return {
        "simulated": True, "tickets": counts.total, "entries": entries, "appointments": lived.planned,
        "faults": len(lived.faults), "overdue": counts.overdue, "ledger": ours, "pandas": theirs,
        "equal": ours == theirs,
    }  # fmt: skip


def _print(told: dict[str, Any]) -> None:
    from lightline.output import print_table

    print_table(
        "Simulated quarter", ("figure", "value"),
        [(name, told[name]) for name in ("faults", "tickets", "appointments", "entries", "overdue")],
    )  # fmt: skip
    for name, title in (
        ("on_time", "On time, by the ledger | by pandas"),
        ("visits", "Visits, by the ledger | by pandas"),
    ):
        ours, theirs = told["ledger"][name], told["pandas"][name]
        columns = tuple(ours[0]) if ours else ()
        pairs = [
            [one[c] if c in ("month", "work") else f"{one[c]} | {other.get(c)}" for c in columns]
            for one, other in zip(ours, [*theirs, *({} for _ in ours[len(theirs) :])], strict=False)
        ]
        print_table(title, columns, pairs)
    totals = told["ledger"]
    due, on_time = (sum(row[name] for row in totals["on_time"]) for name in ("due", "on_time"))
    visits, repeated, verified = (sum(r[n] for r in totals["visits"]) for n in ("visits", "repeated", "verified"))
    shares = [f"{part / max(whole, 1):.1%}" for part, whole in ((on_time, due), (repeated, visits), (verified, visits))]
    typer.echo(f"on time {shares[0]} of {due}; of {visits} visits {shares[1]} repeated, {shares[2]} closed by readings")
    typer.echo("ledger and pandas agree" if told["equal"] else "ledger and pandas DIFFER")
