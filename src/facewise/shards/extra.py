"""The packages of the extra `shards`."""

from functools import partial

from facewise._extras import needed as needed_of

needed = partial(needed_of, extra="shards")
"""See `facewise._extras.needed`."""
