"""What puts built layers into AWS accounts and tells what is there. Only commands of layer/commands import it: it needs boto3."""
