"""`lightline ledger`, `mode` and `plan` as a dispatcher uses them, over one ledger."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lightline.cli import app
from lightline.problem import UserError
from maintenance.ledger import Ledger

DEVICES = """
areas:
  - {id: east, name: 东区, department: 东区维护部, crews: [东区班组], grids: [{id: g1, name: 一, engineer: 李雷}]}
devices:
  - {id: OLT1, host: 127.0.0.1, kind: olt, area: east, credentials: {community: "env:OLT_COMMUNITY"}}
lines: [lines.csv]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OLT_COMMUNITY", "public")
    (tmp_path / "devices.yaml").write_text(DEVICES, encoding="utf-8")
    (tmp_path / "lines.csv").write_text("line_id,device,pon,ont_serial,grid\nL1,OLT1,0/1,S1,g1\nL2,OLT1,0/1,S2,g1\n")
    rows = "线路,说明,类型,等级\nL1,慢,投诉,P2\nL9,x,维修,\nL2,x,巡检,\n"
    (tmp_path / "list.csv").write_text(rows, encoding="gb18030")
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def soon() -> str:
    return (datetime.now(UTC) + timedelta(days=2)).isoformat()


def test_a_list_goes_in_is_planned_and_comes_out(folder: Path) -> None:
    taken = run("ledger", "import", "list.csv", "--json")
    assert taken.exit_code == 2
    report = json.loads(taken.stdout[taken.stdout.index("{") :])
    assert (report["rows"], report["opened"], [r["row"] for r in report["rejected"]]) == (3, [1, 2], [3])
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    planned = run("plan", "--from", tomorrow, "--days", 7, "--seconds", 0.2, "--apply")
    assert planned.exit_code == 0, planned.output
    with Ledger.open(f"sqlite:///{folder / 'data' / 'ledger.sqlite'}") as ledger:
        assert {t.state for t in ledger.tickets()} == {"scheduled"}
    assert run("ledger", "export", "out.csv", "--state", "unfinished", "--grade", "P2").exit_code == 0
    text = (folder / "out.csv").read_text(encoding="utf-8-sig")
    assert len(text.splitlines()) == 2
    assert "line:L1" in text


def agreed(folder: Path) -> dict[int, datetime | None]:
    with Ledger.open(f"sqlite:///{folder / 'data' / 'ledger.sqlite'}") as ledger:
        return {t.id: t.appointment_at for t in ledger.tickets(state="scheduled")}


def test_an_urgent_ticket_gets_a_visit_and_what_moves_is_told(folder: Path) -> None:
    titles, jobs = "线路,说明,类型,等级\n", "".join(f"L{1 + n % 2},整改{n},安装,P4\n" for n in range(8))
    (folder / "jobs.csv").write_text(titles + jobs, encoding="utf-8")
    (folder / "cut.csv").write_text(titles + "L1,断网,维修,P1\n", encoding="utf-8")
    roster = "engineers: [{name: 李雷, area: east, lat: 0, lon: 0}]\n"
    (folder / "roster.yaml").write_text(roster, encoding="utf-8")
    today = datetime.now(UTC).date()
    days = ("--from", today + timedelta(days=7 - today.weekday()), "--days", 2, "--roster", "roster.yaml")
    assert run("ledger", "import", "jobs.csv").exit_code == 0
    assert run("plan", *days, "--seconds", 0, "--apply").exit_code == 0
    full = agreed(folder)
    assert len(full) == 8
    assert run("ledger", "import", "cut.csv").exit_code == 0
    planned = run("plan", *days, "--urgent", 9, "--apply", "--json")
    assert planned.exit_code == 0, planned.output
    told = json.loads(planned.stdout[planned.stdout.index("{\n") :])
    after = agreed(folder)
    assert 9 in after
    assert {m["ticket"] for m in told["moved"]} == {n for n, at in full.items() if after.get(n) != at}
    assert len(told["moved"]) <= 1


def test_a_storm_begins_is_listed_and_ends(folder: Path) -> None:
    run("ledger", "import", "list.csv")
    begun = run("mode", "storm", "--area", "east", "--until", soon(), "--why", "台风")
    assert "1 held, 0 released, 1 shifted" in begun.output
    (told,) = json.loads((out := run("mode", "list", "--json").stdout)[out.index("[\n") :])
    assert (told["mode"], told["area"], told["why"], told["in_force"]) == ("storm", "east", "台风", True)
    assert "1 released, 0 shifted, 1 returned" in run("mode", "end", 1).output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("mode", "storm", "--until", "yesterday"), "no day or time"),
        (("mode", "storm", "--until", "2020-01-01"), "before it begins"),
        (("mode", "holiday", "--area", "west", "--until", "2999-01-01"), "not among: east"),
        (("mode", "end", "7"), "no mode 7"),
        (("mode", "feed", "nowhere.xml"), "cannot be read"),
        (("ledger", "import", "nowhere.csv"), "cannot be read"),
        (("ledger", "export", "out.ods"), "neither in .xlsx nor in .csv"),
        (("ledger", "export", "no/such/folder/out.csv"), "cannot be written"),
        (("plan", "--from", "soon"), "is no day"),
        (("plan", "--roster", "lines.csv"), "lines.csv"),
        (("plan", "--urgent", 7), "ticket 7 is not in the ledger"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, UserError)
    assert says in str(result.exception)


@pytest.fixture
def weather() -> Iterator[str]:
    """A weather service on loopback with one warning in force."""
    now = datetime.now(UTC).replace(microsecond=0)
    document = f"""<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>1</identifier><sender>met</sender>
    <sent>{now.isoformat()}</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope><info>
    <event>暴雨红色预警</event><severity>Extreme</severity><expires>{(now + timedelta(hours=6)).isoformat()}</expires>
    <area><areaDesc>东区</areaDesc></area></info></alert>""".encode()

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/cap.xml"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(document if found else b"")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_weather_warning_begins_a_storm_once(folder: Path, weather: str) -> None:
    run("ledger", "import", "list.csv")
    assert "1 held, 0 released, 1 shifted" in run("mode", "feed", f"{weather}/cap.xml").output
    assert "0 held, 0 released, 0 shifted" in run("mode", "feed", f"{weather}/cap.xml").output
    gone = run("mode", "feed", f"{weather}/gone.xml")
    assert "404" in str(gone.exception)
