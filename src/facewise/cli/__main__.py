"""`python -m facewise.cli` is the command `facewise`."""

from facewise.cli import main

main()
