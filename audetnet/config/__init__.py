"""From the text of a cfg file to frozen, typed options."""
