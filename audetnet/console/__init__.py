"""What people type and read: flags, lines, progress bars and tables."""
