"""Videos and photographs, as each dataset arranges them, to aligned face crops."""
