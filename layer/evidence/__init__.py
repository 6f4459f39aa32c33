"""The evidence beside a layer's zip: the SBOM, the provenance statement and the signatures."""
