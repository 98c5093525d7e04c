"""The inspector's screens: which parts they have, and what their keys do."""
