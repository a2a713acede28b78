"""`lightline probe`: ask one device once and print what would be read; stores nothing."""

import structlog

log = structlog.get_logger(__name__)
