"""What the machine has: devices and memory."""
