"""What goes over the wire: Pydantic models with units and examples. Examples are checked in the tests."""
