"""An inventory that is right, as files, for tests that break it in one place."""

from collections.abc import Callable
from pathlib import Path

import pytest

DEVICES = """\
areas:
  - id: tianhe
    name: 天河
    department: 天河维护部
    crews: [tianhe-emergency]
    grids:
      - {id: shipai, name: 石牌, engineer: 陈工}
      - {id: liede, name: 猎德}
  - id: panyu
    name: 番禺
    department: 番禺维护部
devices:
  - id: GZ-OLT-01
    host: 192.0.2.1
    kind: olt
    area: tianhe
    credentials: {community: "env:TEST_COMMUNITY"}
    cadence: {optics: 3600}
  - id: GZ-OLT-02
    host: 192.0.2.2
    port: 1161
    kind: olt
    profile: huawei-gpon
    area: panyu
    credentials: {community: "env:TEST_COMMUNITY"}
mqtt:
  - {id: home, host: 127.0.0.1}
lines: [lines.csv]
targets:
  2026:
    covered_hosts: 100000
    covered: {2026-01: 9000}
calendar: {zone: Asia/Shanghai, holidays: [2026-10-09]}
"""
LINES = """\
line_id,device,pon,ont_serial,ont_index,splitter1,splitter2,grid,technology
L1,GZ-OLT-01,0/1,HWTC00000001,1,S1,A,shipai,gpon
L2,GZ-OLT-01,0/1,HWTC00000002,2,S1,A,shipai,gpon
L3,GZ-OLT-01,0/1,HWTC00000003,3,S1,B,liede,gpon
L4,GZ-OLT-01,0/2,HWTC00000004,1,S1,,liede,gpon
L5,GZ-OLT-02,0/1/7,HWTC00000005,1,,,,gpon
L6,,,,,,,liede,coax
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write the inventory, with `old` replaced by `new` in devices.yaml or the lines file; the path of devices.yaml."""
    monkeypatch.setenv("TEST_COMMUNITY", "a-secret")

    def written(old: str = "", new: str = "", *, lines: tuple[str, str] = ("", "")) -> Path:
        assert old in DEVICES
        assert lines[0] in LINES
        path = tmp_path / "devices.yaml"
        path.write_text(DEVICES.replace(old, new, 1) if old else DEVICES, encoding="utf-8")
        (tmp_path / "lines.csv").write_text(LINES.replace(*lines, 1) if lines[0] else LINES, encoding="utf-8")
        return path

    return written
