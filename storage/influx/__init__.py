"""The InfluxDB store: line protocol in, InfluxQL out, which every major version answers."""
