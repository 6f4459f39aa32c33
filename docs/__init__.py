"""What makes the documentation site: drawings from measured runs, and hooks of MkDocs. The pages are the Markdown files beside it."""
