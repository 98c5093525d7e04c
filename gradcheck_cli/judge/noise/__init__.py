"""How far a right gradient may lie from the reference: tolerance, replays, precision. May import what `judge` may."""
