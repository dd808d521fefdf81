"""Work that takes long: files that appear whole, folders that it continues in, processes that share it."""
