"""The machine's devices and memory."""
