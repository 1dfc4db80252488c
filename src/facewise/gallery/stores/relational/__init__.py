"""What stores in SQL databases share: rows with checksums, reading, changes, checks."""
