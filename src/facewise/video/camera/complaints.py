"""What the page's server logs: its own faults, and not the requests that make no sense."""

from __future__ import annotations

import logging

from aiohttp import web
from aiohttp.http import HttpProcessingError

LOG = logging.getLogger(__name__)
"""For aiohttp's server. Whoever can reach the port, also without knowing the token, could fill the
log with what is no HTTP; such a request is answered, and that is all."""


def _is_own(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, (HttpProcessingError, web.RequestPayloadError))


LOG.addFilter(_is_own)
