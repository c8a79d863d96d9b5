"""Label files of DISFA and BP4D, and tables of any tool, to a table of AUs."""
