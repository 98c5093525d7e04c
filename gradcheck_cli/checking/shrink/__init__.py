"""From a failure to a short script that shows it without gradcheck; stands on all stages below `checking`."""
