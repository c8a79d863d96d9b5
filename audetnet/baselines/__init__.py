"""What a run has to beat: ridge regression on fixed features, measured in the same way."""
