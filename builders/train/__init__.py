"""The training split: which single turns it holds, and the files that hold them."""
