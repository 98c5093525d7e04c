"""Local derivatives read out of a backward: which numbers it multiplies by at one step, where those are wrong."""
