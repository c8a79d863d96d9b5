"""What trained networks are worth: predictions of every frame, and the tables made of them."""
