"""What grows on people and what they wear, as surfaces: hair, beards, clothes, shoes, glasses."""
