"""Experiments: each folder answers one question with one command, and keeps its figures, its plot and its log."""
