"""The demonstration: a sandbox business carried through Meltano, step by step, with proof."""
