"""A real Mosquitto on loopback that can be stopped and started again."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts import free_port, program


class Mosquitto:
    def __init__(self, folder: Path, *extra: str) -> None:
        self.port = free_port()
        self._folder = folder
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            "\n".join(
                [
                    f"listener {self.port} 127.0.0.1",
                    "user root",
                    "persistence true",
                    f"persistence_location {folder}/",
                    "max_inflight_messages 0",
                    "max_queued_messages 0",
                    *(extra or ("allow_anonymous true",)),
                    "",
                ]
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        binary = program("mosquitto", "mosquitto")
        with (self._folder / "mosquitto.log").open("ab") as out:
            self._process = subprocess.Popen([binary, "-c", str(self._config)], stdout=out, stderr=out)
        for _ in range(100):
            if (self._folder / "mosquitto.log").read_bytes().count(b"running"):
                return
            if self._process.poll() is not None:
                raise RuntimeError((self._folder / "mosquitto.log").read_text())
            time.sleep(0.05)
        raise RuntimeError("mosquitto does not start")

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(10)
        (self._folder / "mosquitto.log").unlink(missing_ok=True)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    yield broker
    broker.stop()
