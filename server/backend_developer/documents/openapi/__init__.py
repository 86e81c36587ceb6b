"""OpenAPI 2.0 (Swagger), 3.0 and 3.1: what a description says of an HTTP API, and checks of it."""

from __future__ import annotations

from ..report import Checks
from . import consistency, documentation, http, naming, paths, payload, schemas, security, wording

CHECKS: Checks = {
    **schemas.CHECKS,
    **paths.CHECKS,
    **documentation.CHECKS,
    **naming.CHECKS,
    **http.CHECKS,
    **payload.CHECKS,
    **consistency.CHECKS,
    **wording.CHECKS,
    **security.CHECKS,
}
"""Catalogue id -> the function that finds it."""
