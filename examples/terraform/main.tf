data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

data "aws_ssm_parameter" "layer" {
  count = var.layer_arn == null ? 1 : 0
  name  = var.layer_parameter
}

locals {
  layer_arn = var.layer_arn != null ? var.layer_arn : data.aws_ssm_parameter.layer[0].insecure_value
  user_arn = join(":", [
    "arn", data.aws_partition.current.partition, "rds-db", var.region, data.aws_caller_identity.current.account_id,
    "dbuser", "${var.database_resource_id}/${var.database_user}",
  ])
}

resource "aws_lambda_function" "connection_id" {
  function_name    = var.name
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  handler          = "handler.handler"
  runtime          = "python3.13"
  architectures    = ["x86_64"]
  memory_size      = 128
  # Longer than rdspool's connect timeout, so that the log shows rdspool's error when the database can't be reached.
  timeout = 20
  # Each environment has one connection.
  reserved_concurrent_executions = var.maximum_concurrency
  layers                         = [local.layer_arn]
  role                           = aws_iam_role.function.arn

  environment {
    variables = {
      RDSPOOL_HOST     = var.database_host
      RDSPOOL_PORT     = tostring(var.database_port)
      RDSPOOL_USER     = var.database_user
      RDSPOOL_DATABASE = var.database_name
    }
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [aws_security_group.function.id]
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function.name
  }

  depends_on = [aws_iam_role_policy.connect, aws_iam_role_policy_attachment.vpc_access]
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "function" {
  name_prefix = "${var.name}-"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "vpc_access" {
  role       = aws_iam_role.function.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
}

resource "aws_iam_role_policy" "connect" {
  name = "connect"
  role = aws_iam_role.function.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "rds-db:connect", Resource = local.user_arn }]
  })
}

resource "aws_security_group" "function" {
  name_prefix = "${var.name}-"
  description = "A Lambda function with rdspool"
  vpc_id      = var.vpc_id
}

# The function signs its IAM token without a call, so it needs to reach only the database.
resource "aws_vpc_security_group_egress_rule" "database" {
  security_group_id            = aws_security_group.function.id
  description                  = "the database"
  ip_protocol                  = "tcp"
  from_port                    = var.database_port
  to_port                      = var.database_port
  referenced_security_group_id = var.database_security_group_id
}

resource "aws_vpc_security_group_ingress_rule" "function" {
  security_group_id            = var.database_security_group_id
  description                  = "a Lambda function with rdspool"
  ip_protocol                  = "tcp"
  from_port                    = var.database_port
  to_port                      = var.database_port
  referenced_security_group_id = aws_security_group.function.id
}
