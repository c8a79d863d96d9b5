"""The command line: flags, printed lines, progress bars and tables."""
