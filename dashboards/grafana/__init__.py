"""Grafana dashboards, data sources and alert rules for network operations, generated from data."""
