"""The packages of the extra `train`."""

from functools import partial

from facewise._extras import needed as needed_of

needed = partial(needed_of, extra="train")
"""See `facewise._extras.needed`."""
