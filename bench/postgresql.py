"""A real PostgreSQL on loopback in a folder of its own, stopped afterwards."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

INSTALL = "on Debian: apt-get install postgresql"


def found() -> Path | None:
    """The path of initdb, None where the server is not installed."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    named = shutil.which("initdb")
    return debian[-1] if debian else Path(named) if named else None


@contextmanager
def serving(initdb: Path) -> Iterator[str]:
    """Run the server; the ledger's address of an empty database. RuntimeError where it does not answer in a minute.

    It refuses to run as root, and then runs as the user postgres.
    """
    import psycopg  # noqa: PLC0415  an extra: absent where only SQLite is used

    folder, port = Path(tempfile.mkdtemp(prefix="lightline-bench-pg-")), _free_port()
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user is not None else {}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **as_user}
    data = folder / "data"
    process: subprocess.Popen[bytes] | None = None
    try:
        made = [initdb, "-D", data, "-U", "ledger", "-A", "trust", "-E", "UTF8", "--locale=C"]
        subprocess.run(made, check=True, **quiet)  # type: ignore[call-overload]
        process = subprocess.Popen(
            [initdb.with_name("postgres"), "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c",
             f"unix_socket_directories={folder}"], **quiet,
        )  # type: ignore[call-overload]  # fmt: skip
        address, deadline = f"postgresql://ledger@127.0.0.1:{port}/postgres", time.monotonic() + 60
        while True:
            try:
                psycopg.connect(address).close()
                break
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL does not answer on port {port}") from None
                time.sleep(0.1)
        yield address
    finally:
        if process is not None:
            process.terminate()
            process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
