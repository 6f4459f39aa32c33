"""What AWS needs: credentials, IAM tokens, endpoint names, certificate authorities."""
