"""Networks: layers of the user's, in any convention, that feed each other."""
