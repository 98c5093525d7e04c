"""Kinks and jumps: the slopes on the two sides, alone and together, and the conventions met there."""
