"""The parts of the inspector's screens; they show what the plain modules beside this folder know."""
