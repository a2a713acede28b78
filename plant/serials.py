"""ONT serials written one way, whatever a device, a file or a payload makes of them; lookups over a million of them."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

LONGEST = 64  # characters; nothing that names an ONT is longer


def normal_serials(serials: pa.Array) -> pa.Array:
    """Upper case, without separators; 16 hexadecimal digits become four letters of the maker and eight digits.

    `48575443-1A2B3C4D` and `hwtc1a2b3c4d` both become `HWTC1A2B3C4D` (ITU-T G.984.3: vendor id as ASCII, then 32 bits);
    a MAC address becomes twelve digits. Empty becomes null.
    """
    bare = pc.replace_substring_regex(pc.utf8_upper(serials), pattern=r"[^0-9A-Z]", replacement="")
    bare = pc.if_else(pc.equal(bare, ""), pa.scalar(None, pa.string()), bare)
    hexadecimal = pc.fill_null(pc.match_substring_regex(bare, r"^[0-9A-F]{16}$"), False)
    if not pc.any(hexadecimal).as_py():
        return bare
    makers = pc.utf8_slice_codeunits(bare, 0, 8).dictionary_encode()
    letters = pa.array([_letters(text) for text in makers.dictionary.to_pylist()], pa.string())
    spelled = pc.binary_join_element_wise(letters.take(makers.indices), pc.utf8_slice_codeunits(bare, 8), "")
    return pc.coalesce(pc.if_else(hexadecimal, spelled, pa.scalar(None, pa.string())), bare)


def _letters(digits: str) -> str | None:
    """Four letters from eight hexadecimal digits, None where they spell none."""
    try:
        text = bytes.fromhex(digits).decode("ascii")
    except ValueError:
        return None
    return text.upper() if len(text) == 4 and text.isalnum() else None


class NameIndex:
    """Position of a name among many, in 16 bytes or so a name: a sorted array rather than a dictionary of objects."""

    def __init__(self, names: pa.Array) -> None:
        raw = np.asarray(pc.fill_null(names, "").cast(pa.binary()).to_numpy(zero_copy_only=False)).astype("S")
        self._order: npt.NDArray[np.int64] = np.argsort(raw, kind="stable")
        self._sorted = raw[self._order]

    def positions(self, names: pa.Array) -> npt.NDArray[np.int64]:
        """Index of each name (first where repeated), -1 for null, empty or not found."""
        if len(self._sorted) == 0 or len(names) == 0:
            return np.full(len(names), -1, np.int64)
        asked = np.asarray(pc.fill_null(names, "").cast(pa.binary()).to_numpy(zero_copy_only=False)).astype("S")
        at = np.minimum(np.searchsorted(self._sorted, asked), len(self._sorted) - 1)
        hit = (self._sorted[at] == asked) & (asked != b"")
        return np.where(hit, self._order[at], -1)
