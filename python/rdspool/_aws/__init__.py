"""What AWS needs: credentials, IAM tokens, endpoint names, certificate authorities, and what a failed connect to RDS means."""
