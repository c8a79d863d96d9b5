"""Reading regular files only, writing atomically, locking; one way to read CSV and JSON."""
