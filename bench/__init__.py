"""Measurements on real data; see docs/results/ for what they gave."""
