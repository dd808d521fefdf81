"""The raw data sets: what each looks like on disk, and how to get it. Imports nothing else of this project."""
