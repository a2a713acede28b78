"""How customers' data is shown where nobody asked for it by need: enough to compare, too little to find anybody."""

SHOWN = 2  # last characters of a reference
DECIMALS = 3  # of a degree: about a hundred metres


def masked(reference: str | None) -> str | None:
    """A customer's reference with all but its end covered; all of a short one."""
    if reference is None:
        return None
    end = reference[-SHOWN:] if len(reference) > 2 * SHOWN else ""
    return "•••" + end


def about(degrees: float | None) -> float | None:
    """A coordinate rounded to about a hundred metres."""
    return None if degrees is None else round(degrees, DECIMALS)
