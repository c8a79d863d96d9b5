"""What varies from picture to picture with --varied, as it does in photographs."""
