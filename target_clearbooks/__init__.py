"""Singer target for Clear Books."""
