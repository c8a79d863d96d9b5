"""What a balanced list of training ids holds, in numbers and figures."""
