"""Files: read if they are regular, written whole or not at all; csv and JSON in one way."""
