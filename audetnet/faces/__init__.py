"""Faces in images: landmarks, head pose, and the aligned crop."""
