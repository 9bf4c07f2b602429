"""What people do with what the target wrote: plans carried out, runs taken back, the map restored."""
