"""Measure verification: protocols read pairs, metrics are pure functions, records say what ran."""
