"""What the user wrote: loading, one file per convention, argument shapes, input sampling.

Imports only `report.model` and `errors`.
"""
