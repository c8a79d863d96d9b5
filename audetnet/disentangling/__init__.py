"""What the two blocks of a trained code know: probes, tests and exchanged codes."""
