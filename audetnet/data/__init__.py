"""Frames and labels as users have them, packed, balanced, augmented and cut into batches."""
