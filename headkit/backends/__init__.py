"""Networks of others' libraries behind arrays: one file per library, the only ones that import it."""
