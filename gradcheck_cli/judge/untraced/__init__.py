"""A draw that autodiff cannot speak on: finite differences decide, on all elements where they can."""
