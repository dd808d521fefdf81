"""Playing episodes, keeping what happened, and the numbers that follow from it."""
