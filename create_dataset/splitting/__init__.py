"""How splits are written to a dataset directory."""
