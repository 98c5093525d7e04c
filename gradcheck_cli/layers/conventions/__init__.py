"""One file per way of writing a layer. Each turns what it recognises into `Layer` values."""
