"""What finite differences are asked, and the table of the three witnesses. May import what `judge` may."""
