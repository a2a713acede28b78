"""Labels: what visits showed of findings, as one plain table. Who keeps them and who learns from them know only this.

One row a finding that somebody went to. A label that is not there is null and says nothing.
"""

import pyarrow as pa

LABEL_SCHEMA = pa.schema(
    [
        ("ticket", pa.string()),  # whose finding; each once
        ("place", pa.string()),  # kind:id, as in a finding
        ("lines", pa.list_(pa.string())),
        ("area", pa.string()),  # null where unknown
        ("maker", pa.string()),  # of most of the lines' ONTs; null where mixed or unknown
        ("told_on", pa.date32()),  # the day the finding was first told
        ("known_on", pa.date32()),  # the day the label was known
        ("score", pa.float64()),  # it was ranked by, before any learning
        ("worth", pa.float64()),  # chance then told that a trip finds a fault, before any learning
        ("causes", pa.map_(pa.string(), pa.float64())),  # probabilities then told, before any learning
        ("fault", pa.bool_()),  # whether the trip was worth it
        ("cause", pa.string()),  # what it was
        ("why", pa.string()),  # how the label came about, or why there is none
    ]
)
