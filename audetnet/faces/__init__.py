"""Faces in images: their landmarks, the pose of the head, and the aligned crop."""
