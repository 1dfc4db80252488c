"""The packages of the extra `evaluate`."""

from functools import partial

from facewise._extras import needed as needed_of

needed = partial(needed_of, extra="evaluate")
"""See `facewise._extras.needed`."""
