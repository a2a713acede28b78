"""Python's garbage collector, set for a process that holds much for long and makes little that refers to itself."""

import gc

_YOUNG, _MIDDLE, _OLD = 20_000, 20, 20  # Python's own 700, 10, 10 fit small programs


def look_rarely() -> None:
    """Leave out what is there now for good, and look at the rest less often.

    Polling a thousand devices makes millions of short-lived tuples, none in a cycle. Looking for cycles among them as
    often as Python does by itself took a fifth of the collector's time (python -m bench collector).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
