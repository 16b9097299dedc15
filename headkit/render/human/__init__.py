"""The parametric human: its shape by sex, age and origin, its expressions, its skin over bones."""
