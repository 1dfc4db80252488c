"""Folders of people in order: what does not belong, who is who, and where files go."""
