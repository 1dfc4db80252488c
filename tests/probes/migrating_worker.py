"""A process that migrates a gallery, in small steps, to be killed: source, target."""

from __future__ import annotations

import sys

from facewise.gallery import migrate, open_store
from facewise.gallery.transfer import moving

if __name__ == "__main__":
    moving.TOGETHER = 16
    with open_store(sys.argv[1]) as source:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        migrate(source, sys.argv[2])
