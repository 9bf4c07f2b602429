"""tap-clearbooks: a Singer tap for every readable Clear Books resource."""
