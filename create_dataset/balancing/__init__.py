"""What is in a balanced list of training ids, in numbers and figures."""
