"""The commands of the command line, a file per job. They stand on everything and decide nothing."""
