"""The user's module runs in worker processes: what it does to its process ends with it, and only data come back."""
