"""`lightline probe`: what it prints, what it says when it cannot, and that Ctrl-C ends it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.collector.snmp.hostile import serving, silent
from tests.parts import free_port


def probe(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lightline", "probe", *arguments],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def objects(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_json_is_one_object_a_line_with_the_profile_and_why(synthetic: int) -> None:
    done = probe(f"127.0.0.1:{synthetic}", "--community", "huawei", "--json")
    assert done.returncode == 0, done.stderr
    head, *rows = objects(done)
    assert head["kind"] == "device"
    assert head["profile"] == "huawei"
    assert "sysObjectID" in head["reason"]
    assert head["lines"] == 3
    assert head["pons"] == 2
    assert [r["kind"] for r in rows] == ["line"] * 3 + ["pon"] * 2
    first = rows[0]
    assert first["profile"] == "huawei"
    assert (first["pon"], first["ont"], first["ont_serial"]) == ("0/0/1", 0, "HWTC1A2B3C4D")
    assert first["rx_dbm"] == -18.75
    assert first["distance_m"] == 2711
    assert first["catv_rx_dbm"] is None
    assert first["quality"]["catv_rx_dbm"] == "no_answer"
    down = rows[1]
    assert down["rx_dbm"] is None
    assert down["quality"]["rx_dbm"] == "not_up"


def test_people_get_tables(synthetic: int) -> None:
    done = probe(f"127.0.0.1:{synthetic}", "--community", "vsol")
    assert done.returncode == 0, done.stderr
    for word in ("profile: vsol", "-14.61", "sentinel: temp_c", "3 lines", "2 PON ports"):
        assert word in done.stdout


def test_the_community_comes_from_the_environment_too(synthetic: int) -> None:
    done = probe(f"127.0.0.1:{synthetic}", "--json", LIGHTLINE_COMMUNITY="ufiber")
    assert objects(done)[0]["profile"] == "ufiber"
    named = probe(f"127.0.0.1:{synthetic}", "--json", "--community", "env:PLACE", PLACE="ufiber")
    assert objects(named)[0]["profile"] == "ufiber"


def test_a_profile_can_be_asked_for(synthetic: int) -> None:
    done = probe(f"127.0.0.1:{synthetic}", "--community", "vsol", "--profile", "vsol-gpon", "--json")
    head = objects(done)[0]
    assert head["profile"] == "vsol-gpon"
    assert "none of its deciding tables answers" in head["reason"]
    wrong = probe(f"127.0.0.1:{synthetic}", "--profile", "nothing-such")
    assert wrong.returncode == 2
    assert "huawei" in wrong.stderr


def test_silence_and_a_closed_port_are_errors_with_a_remedy(synthetic: int) -> None:
    done = probe(f"127.0.0.1:{synthetic}", "--community", "no-such", "--timeout", "0.2")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "community" in done.stderr
    assert "no-such" not in done.stderr
    closed = probe(f"127.0.0.1:{free_port()}")
    assert closed.returncode == 2
    assert "refused" in closed.stderr


def test_options_that_do_not_fit_are_told(synthetic: int) -> None:
    for arguments in (["--version", "4"], ["--version", "3"], ["--version", "3", "--user", "x", "--auth-key", "plain"]):
        done = probe(f"127.0.0.1:{synthetic}", *arguments)
        assert done.returncode == 2, done
        assert done.stderr.startswith("lightline: ")
        assert "Traceback" not in done.stderr


def test_a_device_that_no_profile_fits_is_described(recorded: int) -> None:
    done = probe(f"127.0.0.1:{recorded}", "--community", "luminato_c12", "--json")
    assert done.returncode == 1
    head = objects(done)[0]
    assert head["profile"] is None
    assert "1.3.6.1.4.1.3715" in head["reason"]
    assert any("Luminato" in e for e in head["evidence"])


async def test_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    async with serving(silent) as (agent, port):
        process = subprocess.Popen(
            [sys.executable, "-m", "lightline", "probe", f"127.0.0.1:{port}", "--timeout", "20"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while not agent.asked:
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=15)  # long before the device's answer is given up
    assert process.returncode == 130
    assert "Traceback" not in said
