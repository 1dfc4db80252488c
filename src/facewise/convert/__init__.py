"""Files of other projects as models of facewise, and the converters that made the bundled ones."""
