"""One file per way of writing a layer (design §3). Each turns what it recognises into `Layer` values."""
