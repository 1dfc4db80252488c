"""The packages of the extra `video`."""

from functools import partial

from facewise._extras import needed as needed_of

needed = partial(needed_of, extra="video")
"""See `facewise._extras.needed`."""
