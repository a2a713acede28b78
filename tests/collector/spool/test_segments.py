"""The spool's files against a model, and against the ways a disk can fail."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from collector.spool import SegmentLog, SpoolFullError, SpoolLockedError
from collector.spool.record import DamagedRecordError, batch_of, payload_of
from tests.collector.spool.batches import batch, number_of

ONE = len(payload_of(batch(1))) + 24


def numbers(log: SegmentLog, most: int = 1000) -> list[int]:
    group = log.read(most, 1 << 30)
    return [] if group is None else [number_of(b) for b in group.batches]


class SpoolAgainstModel(RuleBasedStateMachine):
    """Whatever is done to it, the spool gives back exactly what was put and not committed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="spool-model-"))
        self.limit = 40 * ONE
        self.log = self.opened()
        self.kept: list[int] = []
        self.count = 0

    def opened(self) -> SegmentLog:
        return SegmentLog(self.folder, self.limit, segment_bytes=4 * ONE)

    @rule(size=st.integers(1, 6))
    def put(self, size: int) -> None:
        new = list(range(self.count, self.count + size))
        self.count += size
        try:
            self.log.append([payload_of(batch(n)) for n in new])
        except SpoolFullError:
            assert len(self.kept) > 20  # only delivered parts of at most one segment may take room in vain
        else:
            self.kept += new

    @rule(most=st.integers(1, 9))
    def read_without_commit(self, most: int) -> None:
        assert numbers(self.log, most) == self.kept[:most]

    @rule(most=st.integers(1, 30))
    def read_and_commit(self, most: int) -> None:
        group = self.log.read(most, 1 << 30)
        if group is None:
            assert not self.kept
            return
        assert [number_of(b) for b in group.batches] == self.kept[:most]
        self.log.commit(group.next_seq)
        self.kept = self.kept[len(group.batches) :]

    @rule()
    def close_and_reopen(self) -> None:
        self.log.close()
        self.log = self.opened()

    @precondition(lambda self: self.log._file is not None)
    @rule(data=st.data())
    def die_while_writing(self, data: st.DataObject) -> None:
        """A kill in the middle of an append: part of a record, or of its header, is on disk and was never promised."""
        torn = payload_of(batch(10**6))
        whole = (
            b"\x89LLREC1\n" + self.log.next_seq.to_bytes(8, "little") + len(torn).to_bytes(4, "little") + b"\1\2\3\4"
        )
        cut = data.draw(st.integers(1, len(whole + torn) - 1))
        with self.log._segments[-1].path.open("ab") as file:
            file.write((whole + torn)[:cut])
        self.log.close()
        self.log = self.opened()
        assert self.log.torn_bytes == cut

    @invariant()
    def counts_what_it_holds(self) -> None:
        assert self.log.pending == len(self.kept)
        assert self.log.bytes_used <= self.limit
        assert self.log.bytes_used == sum(p.stat().st_size for p in self.folder.glob("*.seg"))

    def teardown(self) -> None:
        self.log.close()
        shutil.rmtree(self.folder)


TestSpoolAgainstModel = SpoolAgainstModel.TestCase
TestSpoolAgainstModel.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SegmentLog]:
    opened = SegmentLog(tmp_path / "spool", 1 << 20)
    yield opened
    opened.close()


def test_a_batch_comes_back_as_it_was_put(log: SegmentLog) -> None:
    b = batch(3, rows=50)
    log.append([payload_of(b)])
    group = log.read(10, 1 << 20)
    assert group is not None
    assert group.batches[0].table.equals(b.table)
    assert (group.batches[0].device, group.batches[0].tier) == ("OLT-3", "optics")


@pytest.mark.parametrize("where", ["magic", "sequence", "length", "checksum", "payload"])
def test_a_damaged_record_is_set_aside_and_the_rest_goes_on(tmp_path: Path, where: str) -> None:
    folder = tmp_path / "spool"
    log = SegmentLog(folder, 1 << 20)
    for n in range(5):
        log.append([payload_of(batch(n))])
    (path,) = folder.glob("*.seg")
    data = bytearray(path.read_bytes())
    size = len(data) // 5
    data[2 * size + {"magic": 0, "sequence": 9, "length": 17, "checksum": 21, "payload": 60}[where]] ^= 0x55
    path.write_bytes(data)

    log.close()
    log = SegmentLog(folder, 1 << 20)
    assert numbers(log) == [0, 1, 3, 4]
    assert numbers(log) == [0, 1, 3, 4]
    assert log.damaged == 1
    assert (folder / "quarantine" / log.quarantined[0]).read_bytes() == bytes(data)
    log.append([payload_of(batch(5))])
    assert numbers(log) == [0, 1, 3, 4, 5]
    log.commit(log.next_seq)
    assert numbers(log) == []
    log.close()


def test_a_removed_segment_does_not_stop_the_rest(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, 1 << 20, segment_bytes=2 * ONE)
    for n in range(10):
        log.append([payload_of(batch(n))])
    group = log.read(1, 1 << 20)
    assert group is not None
    paths = sorted(tmp_path.glob("*.seg"))
    assert len(paths) > 3
    log.close()
    paths[1].unlink()
    log = SegmentLog(tmp_path, 1 << 20)
    assert numbers(log) == [n for n in range(10) if not int(paths[1].stem) <= n < int(paths[2].stem)]
    log.close()


def test_an_unreadable_cursor_delivers_again_rather_than_nothing(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, 1 << 20)
    log.append([payload_of(batch(n)) for n in range(4)])
    log.commit(2)
    log.close()
    (tmp_path / "cursor").write_text("9999 00000000\n")
    log = SegmentLog(tmp_path, 1 << 20)
    assert numbers(log) == [0, 1, 2, 3]
    log.close()


def test_one_process_owns_the_spool(log: SegmentLog) -> None:
    with pytest.raises(SpoolLockedError, match="another process"):
        SegmentLog(log.folder, 1 << 20)


def test_full_refuses_whole_and_takes_again_after_delivery(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, 10 * ONE, segment_bytes=3 * ONE)
    log.append([payload_of(batch(n)) for n in range(9)])
    with pytest.raises(SpoolFullError):
        log.append([payload_of(batch(9)), payload_of(batch(10))])
    assert numbers(log) == list(range(9))
    log.commit(log.next_seq)
    log.append([payload_of(batch(9)), payload_of(batch(10))])
    assert numbers(log) == [9, 10]
    log.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode:
        pytest.skip("mounting a small disk is not permitted here; run as root")
    yield disk
    subprocess.run(["umount", disk], check=True)


def fill(log: SegmentLog) -> int:
    """Put until it refuses; how many were kept."""
    kept = 0
    while True:
        try:
            log.append([payload_of(batch(kept, rows=20))])
        except SpoolFullError:
            return kept
        kept += 1


def test_a_disk_full_of_one_segment_is_emptied_and_used_again(small_disk: Path) -> None:
    """Not even the cursor finds room, until what is delivered is gone."""
    log = SegmentLog(small_disk / "spool", 1 << 30)
    kept = fill(log)
    with (small_disk / "filler").open("wb") as file, contextlib.suppress(OSError):
        file.write(b"x" * (256 << 10))
    while (group := log.read(kept // 3, 1 << 30)) is not None:
        with contextlib.suppress(OSError):
            log.commit(group.next_seq)
    assert log.pending == 0
    log.append([payload_of(batch(kept))])
    log.close()
    log = SegmentLog(small_disk / "spool", 1 << 30)
    assert numbers(log) == [kept]
    log.close()


def test_a_full_disk_refuses_and_leaves_nothing_half_written(small_disk: Path) -> None:
    log = SegmentLog(small_disk / "spool", 1 << 30, segment_bytes=64 << 10)
    kept = fill(log)
    assert kept > 20
    with pytest.raises(SpoolFullError):
        log.append([payload_of(batch(kept, rows=20))])
    assert numbers(log) == list(range(kept))
    log.close()

    log = SegmentLog(small_disk / "spool", 1 << 30, segment_bytes=64 << 10)
    assert log.torn_bytes == 0
    assert numbers(log, kept - 1) == list(range(kept - 1))
    log.commit(log.next_seq - 1)
    log.append([payload_of(batch(kept, rows=20))])
    assert numbers(log) == [kept - 1, kept]
    log.close()


def test_a_file_size_limit_counts_as_a_full_disk(tmp_path: Path) -> None:
    """The same without root: the limit on file sizes stops the write in its middle."""
    script = f"""
import resource, signal
from pathlib import Path
from collector.spool import SegmentLog, SpoolFullError
from collector.spool.record import payload_of
from tests.collector.spool.batches import batch
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({5 * ONE + ONE // 2}, resource.RLIM_INFINITY))
log = SegmentLog(Path({str(tmp_path)!r}), 1 << 20)
for n in range(5):
    log.append([payload_of(batch(n))])
try:
    log.append([payload_of(batch(5))])
except SpoolFullError:
    print("refused")
log.append([payload_of(batch(6))])  # a new segment has room
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == ["refused"], done.stderr
    log = SegmentLog(tmp_path, 1 << 20)
    assert numbers(log) == [0, 1, 2, 3, 4, 6]
    assert log.torn_bytes == 0
    log.close()


def test_bytes_that_are_no_batch_are_damage() -> None:
    with pytest.raises(DamagedRecordError):
        batch_of(b"not arrow at all")
