"""The packages of the extra `files`."""

from functools import partial

from facewise._extras import needed as needed_of

needed = partial(needed_of, extra="files")
"""See `facewise._extras.needed`."""
