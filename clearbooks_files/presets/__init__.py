"""Presets: a mapping for each kind of file, as data."""
