"""One request budget for every thread, process and machine of an application."""

from clearbooks.pacing.budget import START_RATE, Budget
from clearbooks.pacing.pacer import Pacer
from clearbooks.pacing.shared import budget_path, open_pacer

__all__ = ["START_RATE", "Budget", "Pacer", "budget_path", "open_pacer"]
