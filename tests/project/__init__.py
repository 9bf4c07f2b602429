"""Tests of the project's frame: Meltano, wheel, bootstrap, documents, demo."""
