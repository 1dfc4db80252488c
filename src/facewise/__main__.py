"""`python -m facewise` is the command `facewise`."""

from facewise.cli import main

main()
