"""The `lightline` command as its user runs it: another process, its own folder, its own environment."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    """Without the settings of whoever runs the tests."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("LIGHTLINE_")}
    return {**clean, "PYTHONPATH": str(ROOT), **more}


def lightline(
    folder: Path, *arguments: str | Path, timeout: float = 500, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run to the end in `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "lightline", *map(str, arguments)],
        cwd=folder, env=environment(**more), capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


def start(folder: Path, *arguments: str | Path, **more: str) -> "subprocess.Popen[str]":
    """Start it; standard output is a pipe, standard error a file in `folder`."""
    with (folder / "stderr.txt").open("w") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "lightline", *map(str, arguments)],
            cwd=folder, env=environment(**more), stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip


def processes_of(folder: Path) -> list[int]:
    """Running processes whose command line names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes()
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if str(folder).encode() in command and state != "Z":
                found.append(int(entry.name))
    return found
