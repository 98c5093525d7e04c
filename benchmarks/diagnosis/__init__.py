"""How often gradcheck names the right cause of a planted bug, and the right line, and how often a wrong one."""
