"""The bug zoo: layers with a right backward, by theme, and beside each module a table of bugs to plant in it.

Each module stands alone and can be given to `gradcheck run`. `planted.py`, one folder up, reads the tables; the `layer`
of a bug is the layer's name as `gradcheck list` prints it.
"""
