"""Wrong backwards, planted by hand and by mutation, held before gradcheck and its peers; see `__main__`."""
