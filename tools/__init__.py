"""What builds, checks and shows the project; no part of what is installed."""
