"""Tickets and findings as TM Forum's resources: TMF621 trouble tickets and TMF642 alarms, version 4."""
