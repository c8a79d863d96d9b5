"""The processes that share a run: who computes what, and what they tell each other."""
