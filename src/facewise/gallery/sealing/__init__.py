"""Encryption at rest: vectors and chips of a gallery are sealed with the user's own key.

Each is sealed by AES-256-GCM under a random data key of the gallery's own, which the gallery keeps,
wrapped by the user's key. What stays readable is in `docs/sealing.md`.
"""
