"""What goes beside a layer's zip so that others can check it: the SBOM, the provenance statement, the signatures."""
