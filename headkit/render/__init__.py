"""The embedded generator: scenes of parametric humans, drawn on the CPU without display."""
