"""Real parts the tests start: programs on this machine, free ports, and the rule about what is missing."""

import os
import shutil
import socket

import pytest


def missing(what: str, remedy: str) -> None:
    """Skip because a real part is not on this machine; under CI a missing part is a failure."""
    message = f"{what} is not here; {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def program(name: str, package: str) -> str:
    """The path of a program the tests start, looked for in the sbin folders too."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin")
    if path is None:
        missing(name, f"on Debian: apt-get install {package}")
    assert path is not None
    return path


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
