"""1C:Enterprise by its standard OData interface, protocol version 3 (reference/1c-odata.md)."""
