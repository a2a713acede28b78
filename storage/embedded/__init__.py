"""The embedded store: Delta Lake files, read with DuckDB. One writer, any number of readers, no server."""
