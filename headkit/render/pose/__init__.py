"""How bodies stand: bones and joints, postures, and lifting 2D key points to them."""
