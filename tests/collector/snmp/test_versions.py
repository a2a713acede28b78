"""Version 3 (and 1) against a real snmpd: the right user is answered, a wrong one is told so."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from collector.snmp.session import Credentials, CredentialsError, SilentError, open_session
from collector.snmp.walk import Walker, WalkLimits
from plant.inventory import Device
from tests.collector.snmp.asking import asker, device, turnstile
from tests.parts import free_port, program

AUTH, PRIV = "authentication-key", "privacy-key-1234"
SYS_DESCR = "1.3.6.1.2.1.1.1.0"
# User → what net-snmp calls authentication and privacy, what we call them.
USERS = {
    "poller224": ("SHA-224", "AES", "sha224", "aes128"),
    "poller384": ("SHA-384", "AES-192", "sha384", "aes192"),
    "poller512": ("SHA-512", "AES-256", "sha512", "aes256"),
}


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A real agent with one user of version 3 and the community `plant`."""
    folder = tmp_path_factory.mktemp("snmpd")
    port = free_port(socket.SOCK_DGRAM)
    (folder / "snmpd.conf").write_text(
        f"agentaddress udp:127.0.0.1:{port}\n"
        "sysdescr a real agent\n"
        f"createUser poller SHA-256 {AUTH} AES {PRIV}\n"
        "rouser poller priv\n"
        + "".join(f"createUser {u} {a} {AUTH} {p} {PRIV}\nrouser {u} priv\n" for u, (a, p, *_) in USERS.items())
        + "rocommunity plant 127.0.0.1\n"
    )
    environment = {**os.environ, "SNMP_PERSISTENT_DIR": str(folder), "SNMPCONFPATH": str(folder), "MIBS": ""}
    process = subprocess.Popen(
        [program("snmpd", "snmpd"), "-f", "-Lf", str(folder / "log"), "-C", "-c", str(folder / "snmpd.conf"),
         "-p", str(folder / "pid")],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait(port, process, folder)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        asked = subprocess.run(
            [program("snmpget", "snmp"), "-v2c", "-c", "plant", "-r0", "-t0.3", f"127.0.0.1:{port}", SYS_DESCR],
            capture_output=True,
            check=False,
        )
        if asked.returncode == 0:
            return
    raise AssertionError(f"snmpd did not start: {(folder / 'log').read_text()[-2000:]}")


async def described(target: Device, credentials: Credentials) -> str:
    session = await open_session(target, credentials, 2.0)
    walker = Walker(session, turnstile(), WalkLimits(tries=2))
    value = (await walker.scalars([SYS_DESCR]))[SYS_DESCR]
    assert isinstance(value, bytes)
    walked = await walker.column("1.3.6.1.2.1.1.9.1.3")
    assert len(walked.rows) >= 2
    return value.decode()


USER = Credentials(user="poller", auth="sha256", auth_key=AUTH, priv="aes128", priv_key=PRIV)


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_communities_of_versions_1_and_2c(snmpd: int, version: str) -> None:
    assert await described(device(snmpd, version=version), Credentials("plant")) == "a real agent"


async def test_version_3_with_privacy(snmpd: int) -> None:
    assert await described(device(snmpd, version="3"), USER) == "a real agent"


@pytest.mark.parametrize("user", USERS)
async def test_version_3_with_sha_2_and_longer_keys(snmpd: int, user: str) -> None:
    their_auth, their_priv, auth, priv = USERS[user]
    theirs = subprocess.run(
        [program("snmpget", "snmp"), "-v3", "-l", "authPriv", "-u", user, "-a", their_auth, "-A", AUTH,
         "-x", their_priv, "-X", PRIV, f"127.0.0.1:{snmpd}", SYS_DESCR],
        capture_output=True, check=False,
    )  # fmt: skip
    if theirs.returncode != 0:
        pytest.skip(f"this build of net-snmp does not speak {their_priv}: {theirs.stderr.decode()[-200:]}")
    credentials = Credentials(user=user, auth=auth, auth_key=AUTH, priv=priv, priv_key=PRIV)
    assert await described(device(snmpd, version="3"), credentials) == "a real agent"


@pytest.mark.parametrize("change", [{"auth_key": "wrong-key-12345"}, {"user": "nobody"}, {"auth": "sha512"}])
async def test_version_3_wrong_user_or_key_is_told(snmpd: int, change: dict[str, str]) -> None:
    wrong = replace(USER, **change)
    with pytest.raises((CredentialsError, SilentError)):
        await described(device(snmpd, version="3"), wrong)


async def test_a_wrong_community_is_told_to_look_like_silence(snmpd: int) -> None:
    with pytest.raises(SilentError, match="community"):
        await asker("guess", timeout_s=0.2).choose(device(snmpd), turnstile())


async def test_a_plain_computer_has_no_profile_and_says_what_answers(snmpd: int) -> None:
    chosen = await asker("plant").choose(device(snmpd), turnstile())
    assert chosen.profile is None
    assert any("a real agent" in e for e in chosen.evidence)
