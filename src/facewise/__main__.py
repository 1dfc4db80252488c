"""`python -m facewise` is the command `facewise`."""

from facewise.cli import main

if __name__ == "__main__":
    main()
