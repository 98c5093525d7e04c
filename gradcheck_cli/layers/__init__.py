"""What the user wrote: loading, finding, and the types that say what a layer and a case are.

`conventions/` reads each way of writing a layer, `inputs/` decides shapes and draws values. Imports only `report.model`
and `errors`.
"""
