"""python -m simulator: serve a plant, or write its history and truth, apart from the service."""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import structlog

from plant.batch import Batch
from plant.fields import fields
from simulator.inventory import write_plant
from simulator.mqtt import publish
from simulator.people import complaints, repair_by, visits
from simulator.snmp.serve import serve_agents
from simulator.world import DEMO_DAYS, DEMO_FAULTS, World


def main(arguments: list[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        world = World(
            args.seed, args.olts, args.onts, areas=args.areas, faults=args.faults, end=args.end, days=args.days,
            growing=args.growing, classes=args.classes.split(",") if args.classes else (),
            rough=args.rough, coax=args.coax, coax_faults=args.coax_faults,
        )  # fmt: skip
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if args.history:
        ports = {device: args.port + i if args.port else 161 for i, device in enumerate(world.devices)}
        told = visits(world) if args.crews else []
        repair_by(world, told)
        write_plant(world, args.folder, agent_ports=ports, broker_port=args.broker)
        if args.crews:
            for name, said in (("visits", told), ("complaints", complaints(world))):
                (args.folder / f"{name}.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
        rows = write_history(world, args.folder / f"history.{args.history}", step_s=args.step)
        sys.stdout.write(f"{rows} rows in {args.folder / f'history.{args.history}'}\n")
        return 0
    try:
        asyncio.run(_serve(world, args.folder, args.port, args.broker))
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        sys.stderr.write(f"the agents cannot listen: {error}; choose other ports with --port\n")
        return 1
    return 0


def write_history(world: World, path: Path, *, step_s: int = 3600) -> int:
    """All of the history in one file, Parquet or CSV by its suffix; the number of rows.

    The columns are `line_id`, `time` and every field that any device tells; empty where there was no reading.
    """
    batches = world.history(step_s=step_s)
    schema = _whole_schema(world)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = 0
    if path.suffix == ".parquet":
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for table in _widened(batches, schema):
                writer.write_table(table)
                rows += table.num_rows
    elif path.suffix == ".csv":
        with pacsv.CSVWriter(path, schema) as writer:
            for table in _widened(batches, schema):
                writer.write_table(table)
                rows += table.num_rows
    else:
        raise ValueError(f'"{path}" ends neither in .parquet nor in .csv')
    return rows


def _widened(batches: Iterable[Batch], schema: pa.Schema) -> Iterable[pa.Table]:
    for batch in batches:
        table = batch.table
        arrays = [
            table.column(f.name) if f.name in table.column_names else pa.nulls(len(table), f.type) for f in schema
        ]
        yield pa.table(arrays, schema=schema)


def _whole_schema(world: World) -> pa.Schema:
    told = {name for batch in world.readings(world.end) for name in batch.field_names}
    columns = [("line_id", pa.string()), ("time", pa.timestamp("us", tz="UTC"))]
    return pa.schema([*columns, *((name, f.arrow) for name, f in fields().items() if name in told)])


async def _serve(world: World, folder: Path, port: int, broker: int | None) -> None:
    ports = {device: port + i if port else 0 for i, device in enumerate(world.devices)}
    served = await serve_agents(world, ports=ports)
    files = write_plant(world, folder, agent_ports=served.ports, broker_port=broker)
    sys.stdout.write(f"{len(world.devices)} agents, inventory {files.devices}, ground truth {files.truth}\n")
    sys.stdout.flush()
    try:
        if broker is None:
            await asyncio.Event().wait()
        else:
            await publish(world, port=broker)
    finally:
        served.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="A fibre plant with known faults.")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same plant")
    parser.add_argument("--olts", type=int, default=2)
    parser.add_argument("--onts", type=int, default=1000, help="of all OLTs together")
    parser.add_argument("--areas", type=int, default=3)
    parser.add_argument("--faults", type=int, default=DEMO_FAULTS, help="0 for a healthy plant")
    parser.add_argument("--growing", action="store_true", help="faults begin at any time, many grow until they hurt")
    parser.add_argument(
        "--classes", default="", help="PON classes dealt to the OLTs in turn, with commas (plant/pon_classes.yaml)"
    )
    parser.add_argument("--rough", action="store_true", help="makers that tell less, firmware, line cards, moves, …")
    parser.add_argument("--coax", type=int, default=0, help="modems on fibre nodes beside the fibre lines")
    parser.add_argument("--coax-faults", type=int, default=None, help="of them; one a hundred modems by default")
    parser.add_argument("--crews", action="store_true", help="with a history: complaints, and visits that repair")
    parser.add_argument("--days", type=int, default=DEMO_DAYS, help="of history before now")
    parser.add_argument("--end", type=datetime.fromisoformat, default=None, help="the plant's now, ISO 8601 with zone")
    parser.add_argument("--folder", type=Path, default=Path("simulated"), help="for the inventory and the truth")
    parser.add_argument("--port", type=int, default=0, help="UDP port of the first agent; 0 lets the system choose")
    parser.add_argument("--broker", type=int, default=None, help="port of an MQTT broker on loopback")
    parser.add_argument("--history", choices=["parquet", "csv"], help="write the history instead of serving")
    parser.add_argument("--step", type=int, default=3600, help="seconds between readings of the history")
    return parser


if __name__ == "__main__":
    sys.exit(main())
