"""What the hall sees and hears: boards, pushes, words and voice."""
