"""The telemetry store: one protocol (storage/protocol.py), an embedded and an InfluxDB implementation, rollups."""
