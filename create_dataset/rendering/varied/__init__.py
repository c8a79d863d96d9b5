"""What varies from picture to picture with --varied, as in photographs."""
