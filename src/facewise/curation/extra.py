"""The packages of the extra `curate`."""

from functools import partial

from facewise._extras import needed as needed_of

needed = partial(needed_of, extra="curate")
"""See `facewise._extras.needed`."""
