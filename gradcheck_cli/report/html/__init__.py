"""The report as one HTML file: no script, nothing loaded from elsewhere, light and dark, wide and narrow."""
