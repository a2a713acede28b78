"""`lightline ask` against a collector that runs as a process of its own."""

import asyncio
import csv
import json
import signal
import time
from pathlib import Path

from simulator.inventory import write_plant
from simulator.snmp.serve import serve_agents
from simulator.world import World
from tests.lightline.commands import lightline, start


def test_without_a_collector_ask_says_what_to_start(tmp_path: Path) -> None:
    done = lightline(tmp_path, "ask", "L1", "--data", tmp_path)
    assert done.returncode == 2
    assert "lightline collect" in done.stderr
    assert "Traceback" not in done.stderr


async def test_ask_reads_one_line_of_the_running_collector_once_a_minute(tmp_path: Path) -> None:
    world = World(6, 1, 40, faults=0, days=14)
    served = await serve_agents(world)
    process = None
    try:
        write_plant(world, tmp_path, agent_ports=served.ports)
        with next(tmp_path.glob("*.csv")).open(encoding="utf-8") as lines:
            line = next(row["line_id"] for row in csv.DictReader(lines) if row["technology"] != "coax")
        process = start(tmp_path, "collect", "devices.yaml", "--data", "data")
        deadline = time.monotonic() + 60
        while (
            done := await asyncio.to_thread(lightline, tmp_path, "ask", line, "--data", "data", "--json")
        ).returncode:
            assert time.monotonic() < deadline, (
                done.stdout,
                done.stderr,
                (tmp_path / "stderr.txt").read_text()[-2000:],
            )
            await asyncio.sleep(0.5)
        answer = json.loads(done.stdout)
        assert (answer["outcome"], answer["line_id"]) == ("answered", line)
        assert answer["readings"]["state"] in ("up", "los", "dying_gasp", "down")
        assert answer["requests"] <= 3
        again = await asyncio.to_thread(lightline, tmp_path, "ask", line, "--data", "data")
        assert again.returncode == 1
        assert "again in" in again.stderr
        stranger = await asyncio.to_thread(lightline, tmp_path, "ask", "no-such-line", "--data", "data")
        assert stranger.returncode == 2
        assert "no-such-line" in stranger.stderr
    finally:
        if process is not None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        served.close()
    assert not (tmp_path / "data" / "collector.sock").exists()
