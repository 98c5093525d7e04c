"""Networks run and differentiated layer by layer: what flows forward along each wire, and back."""
