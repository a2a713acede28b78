"""Commands as scripts rely on them: collect, analyze, serve, status, user, run."""

import asyncio
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.__main__ import write_history
from simulator.inventory import write_plant
from simulator.snmp.serve import serve_agents
from simulator.world import World
from tests.influx import influx_server
from tests.lightline.commands import lightline, processes_of, start
from tests.parts import free_port
from tests.snmpsim import snmpsim

RECORDED = {  # device id → recording, lines or ports in it, and how many have a figure
    "ZTE": ("zxa10_c320v2", 458, {"olt_rx_dbm": 376}),
    "UFIBER": ("edgeosolt", 29, {"rx_dbm": 16}),
    "VSOL": ("vsolution_v1600d", 16, {"rx_dbm": 16, "tx_dbm": 16, "bias_ma": 16, "voltage_v": 16, "temp_c": 16}),
}


def wait_for(true: Callable[[], bool], folder: Path, seconds: float = 90) -> None:
    """Until it is so; else what the process in `folder` said."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, (folder / "stderr.txt").read_text()[-3000:]
        time.sleep(0.2)


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with influx_server(tmp_path_factory.mktemp("influx")) as address:
        yield address


@pytest.fixture(params=["embedded", "influx"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    if request.param == "embedded":
        return f"delta:{tmp_path / 'telemetry'}"
    return f"influx1://{request.getfixturevalue('influx')}/{re.sub(r'[^a-z]', '', tmp_path.name)}{os.getpid()}"


@contextmanager
def serving(folder: Path, *arguments: str | Path) -> Iterator[httpx.Client]:
    """`lightline serve` and a client that is logged in."""
    made = lightline(folder, "user", "add", "test", "--role", "admin")
    assert made.returncode == 0, made.stderr
    port = free_port()
    process = start(folder, "serve", *arguments, "--port", str(port))
    try:
        headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
            deadline = time.monotonic() + 60
            while True:
                try:
                    client.get("/healthz")
                    break
                except httpx.HTTPError:
                    assert process.poll() is None, (folder / "stderr.txt").read_text()
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def lines_of(client: httpx.Client, device: str) -> list[dict[str, Any]]:
    """Every line of a device as the API tells it, page by page."""
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"device": device, "limit": 200}
    while True:
        page = client.get("/api/v1/lines", params=query).raise_for_status().json()
        found += page["lines"]
        if page["next"] is None:
            return found
        query["cursor"] = page["next"]


def readings_of(client: httpx.Client, path: str) -> dict[str, Any]:
    """Newest values of a line or a port by field."""
    return {r["field"]: r["value"] for r in client.get(path).raise_for_status().json()["readings"]}


def test_recorded_devices_come_out_of_the_api_as_they_are(recordings: Path, tmp_path: Path, store: str) -> None:
    """Four makers' walks through collect and either store: every line, every figure, and no invented one."""
    scratch = tmp_path / "cache"
    scratch.mkdir()
    walks = tmp_path / "walks"
    walks.mkdir()
    for name in (*(r for r, _, _ in RECORDED.values()), "smartax"):
        shutil.copy(recordings / f"{name}.snmprec", walks)
    with snmpsim(walks, scratch) as port:
        devices = "".join(
            f"  - {{id: {id_}, host: 127.0.0.1, port: {port}, kind: olt, area: east,"
            f' credentials: {{community: "env:{id_}_COMMUNITY"}}}}\n'
            for id_ in (*RECORDED, "HUAWEI")
        )
        (tmp_path / "devices.yaml").write_text(
            f"areas: [{{id: east, name: 东, department: 东部}}]\ndevices:\n{devices}", encoding="utf-8"
        )
        communities = {f"{id_}_COMMUNITY": recording for id_, (recording, _, _) in RECORDED.items()}
        ran = lightline(
            tmp_path, "collect", "--once", "--json", "--store", store, HUAWEI_COMMUNITY="smartax", **communities
        )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert (told["devices_asked"], told["devices_answered"]) == (4, 4)
    assert told["lines"] == 458 + 29 + 16
    with serving(tmp_path, "--store", store) as client:
        for device, (_, count, figures) in RECORDED.items():
            lines = lines_of(client, device)
            assert len(lines) == count, device
            few = len(lines) < 50  # else what the list tells is enough
            told_by = [readings_of(client, f"/api/v1/lines/{x['line_id']}") if few else x for x in lines]
            for field, having in figures.items():
                assert sum(t.get(field) is not None for t in told_by) == having, (device, field)
            assert not any(v in (-80.0, 0.0) for t in told_by for f, v in t.items() if f.endswith("_dbm")), device
        ports = client.get("/api/v1/devices/HUAWEI").raise_for_status().json()["pons"]
        assert len(ports) == 32
        modules = [readings_of(client, f"/api/v1/pons/HUAWEI/{port['pon']}") for port in ports]
        assert all(m[f] is not None for m in modules for f in ("pon_tx_dbm", "pon_bias_ma", "pon_temp_c"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a simulated plant's inventory and its 30 days of history in the embedded store."""
    folder = tmp_path_factory.mktemp("filled")
    world = World(5, 1, 60, faults=3, days=30)
    write_plant(world, folder, agent_ports={olt.id: 1 for olt in world.olts})
    write_history(world, folder / "history.csv", step_s=7200)
    ran = lightline(folder, "import", "history.csv", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["rows"] > 60 * 30 * 12 * 0.8
    return folder


def test_importing_the_same_file_again_changes_nothing(filled: Path) -> None:
    def exported() -> str:
        ran = lightline(filled, "export", "-", "--line", "L0000001", "--resolution", "hour")
        assert ran.stdout.count("\n") > 100
        return ran.stdout

    before = exported()
    assert lightline(filled, "import", "history.csv").returncode == 0
    assert exported() == before


def test_a_file_with_a_bad_row_is_taken_but_for_that_row_and_the_command_says_so(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("line_id,time,rx_dbm\nL1,2026-09-01T00:00:00Z,-20\nL1,soon,-20\n")
    ran = lightline(tmp_path, "import", "h.csv")
    assert ran.returncode == 2
    assert 'h.csv:3: time "soon"' in ran.stderr
    out = lightline(tmp_path, "export", "-", "--since", "2026-08-01", "--field", "rx_dbm")
    assert out.stdout.splitlines() == ['"line_id","time","rx_dbm"', '"L1",2026-09-01 00:00:00.000000Z,-20']


def test_findings_are_printed_ranked_and_looking_opens_no_ticket(filled: Path) -> None:
    ran = lightline(filled, "analyze", "--json")
    assert ran.returncode == 0, ran.stderr
    findings = json.loads(ran.stdout)
    assert findings
    assert [f["score"] for f in findings] == sorted((f["score"] for f in findings), reverse=True)
    for finding in findings:
        assert set(finding) >= {
            "place", "lines", "cause", "probability", "onset", "score", "evidence", "forecast",
        }  # fmt: skip
    assert json.loads(lightline(filled, "status", "--json").stdout)["ledger"]["total"] == 0
    earlier = lightline(filled, "analyze", "--as-of", "2020-01-01", "--json")
    assert json.loads(earlier.stdout) == []


def test_one_analysis_opens_tickets_and_the_next_none(filled: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(filled / "data", data)
    totals = []
    for _ in range(2):
        ran = lightline(filled, "analyze", "--once", "--data", data)
        assert ran.returncode == 0, ran.stderr
        totals.append(json.loads(lightline(filled, "status", "--data", data, "--json").stdout)["ledger"]["total"])
    assert totals[0] == totals[1] > 0


WRONG = [
    (("analyze", "--as-of", "soon"), "--as-of"),
    (("analyze", "--once", "--as-of", "2026-11-01"), "give one of them"),
    (("collect", "--json"), "--once"),
    (("collect", "--once", "none.yaml"), "none.yaml"),
    (("analyze", "--json", "--store", "mongodb:x"), "is no store"),
    (("analyze", "--json", "--store", "influx1://127.0.0.1:9/x"), "cannot be used now"),
    (("import", "none.csv"), "none.csv"),
    (("export", "x.txt"), ".csv"),
    (("export", "-", "--since", "2026-02-02", "--until", "2026-02-01"), "before"),
    (("export", "-", "--field", "rx"), "not a field"),
    (("user", "add", "x", "--role", "king"), "role"),
    (("user", "revoke", "nobody"), "user list"),
    (("status", "--data", "nowhere"), "nothing ever ran"),
]


@pytest.mark.parametrize(("arguments", "named"), WRONG, ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_bad_input_is_one_plain_message_and_exit_code_2(filled: Path, arguments: tuple[str, ...], named: str) -> None:
    ran = lightline(filled, *arguments)
    assert ran.returncode == 2, ran.stderr
    assert named in ran.stderr
    assert "Traceback" not in ran.stderr


def test_tokens_are_shown_once_listed_and_revoked(tmp_path: Path) -> None:
    made = lightline(tmp_path, "user", "add", "night shift", "--role", "operator", "--days", "3")
    token = made.stdout.strip()
    listed = lightline(tmp_path, "user", "list", "--json")
    (one,) = json.loads(listed.stdout)
    assert (one["name"], one["role"], one["revoked_at"]) == ("night shift", "operator", None)
    assert token.split("_", 2)[2] not in listed.stdout
    assert lightline(tmp_path, "user", "revoke", one["id"]).returncode == 0
    assert json.loads(lightline(tmp_path, "user", "list", "--json").stdout)[0]["revoked_at"]


def test_a_second_collector_on_the_same_data_is_refused(filled: Path, tmp_path: Path) -> None:
    first = start(tmp_path, "collect", filled / "devices.yaml", "--data", tmp_path / "data")
    try:
        wait_for((tmp_path / "data" / "collector-status.json").exists, tmp_path)
        ran = lightline(tmp_path, "collect", "--once", filled / "devices.yaml", "--data", tmp_path / "data")
        assert ran.returncode == 2
        assert "another collector" in ran.stderr
    finally:
        first.send_signal(signal.SIGTERM)
        assert first.wait(60) == 0


def test_a_silent_device_is_told_and_the_cycle_ends(filled: Path, tmp_path: Path) -> None:
    ran = lightline(filled, "collect", "--once", "--json", "--data", tmp_path / "data")
    assert ran.returncode == 1
    told = json.loads(ran.stdout)
    assert told["devices_answered"] == 0
    assert any("device" in problem for problem in told["problems"])


async def test_the_service_collects_into_influxdb_that_comes_later(tmp_path: Path, tmp_path_factory: Any) -> None:
    """The store is down at the start: readings wait on disk, then all of them arrive."""
    world = World(6, 1, 40, faults=0, days=14)
    served = await serve_agents(world)
    try:
        write_plant(world, tmp_path, agent_ports=served.ports)
        address = f"127.0.0.1:{free_port()}"
        url = f"influx1://{address}/later"
        ran = await asyncio.to_thread(lightline, tmp_path, "collect", "--once", "--json", "--store", url)
        assert ran.returncode == 1, "not delivered"
        assert json.loads(ran.stdout)["delivered"] is False
        with influx_server(tmp_path_factory.mktemp("influx"), port=int(address.partition(":")[2])):
            again = await asyncio.to_thread(lightline, tmp_path, "collect", "--once", "--json", "--store", url)
            assert json.loads(again.stdout)["delivered"] is True
            shown = await asyncio.to_thread(
                lightline, tmp_path, "export", "-", "--store", url, "--since", "2026-01-01", "--field", "state"
            )
    finally:
        served.close()
    rows = [line.split(",") for line in shown.stdout.splitlines()[1:]]
    assert len({r[0] for r in rows}) == 40
    assert len({r[1] for r in rows}) == 2, "both polls arrived, the first from the spool"


def test_run_starts_all_parts_and_ends_them_together(filled: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(filled / "data", data)
    port = free_port()
    made = lightline(tmp_path, "user", "add", "x", "--role", "admin", "--data", data)
    process = start(tmp_path, "run", filled / "devices.yaml", "--data", data, "--port", str(port))
    headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
    try:

        def working() -> bool:
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/tickets", headers=headers, timeout=10)
            except httpx.HTTPError:
                return False
            return bool(answer.json().get("tickets")) and (data / "collector-status.json").exists()

        wait_for(working, tmp_path)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(6) == 0
    assert processes_of(data) == []
