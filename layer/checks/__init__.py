"""The checks of a layer's zip before it is published. Each check is a function that yields findings."""
