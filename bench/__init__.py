"""Benchmarks: every figure as a ratio to a named alternative, taken in the same run on the same machine."""
