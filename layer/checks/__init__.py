"""What a layer's zip is held to before anybody publishes it: one check per file, each a function that yields findings."""
