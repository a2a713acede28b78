"""Learning from what visits showed: recalibrated probabilities, used only where later labels say they are better."""
