"""Results of trained networks: predictions for every frame, and the tables computed from them."""
