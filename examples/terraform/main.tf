data "aws_partition" "current" {}

module "rdspool" {
  source = "./rdspool"

  name                       = var.name
  role_name                  = aws_iam_role.function.name
  python                     = "3.13"
  architecture               = "x86_64"
  layer_arn                  = var.layer_arn
  layer_parameter            = var.layer_parameter
  database_host              = var.database_host
  database_port              = var.database_port
  database_name              = var.database_name
  database_user              = var.database_user
  database_resource_id       = var.database_resource_id
  database_security_group_id = var.database_security_group_id
  vpc_id                     = var.vpc_id
}

resource "aws_lambda_function" "connection_id" {
  function_name    = var.name
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  handler          = "handler.handler"
  runtime          = module.rdspool.runtime
  architectures    = ["x86_64"]
  memory_size      = 128
  # Longer than rdspool's connect timeout, so that the log shows rdspool's error when the database can't be reached.
  timeout = 20
  # Each environment has one connection.
  reserved_concurrent_executions = var.maximum_concurrency
  layers                         = [module.rdspool.layer_arn]
  role                           = aws_iam_role.function.arn

  environment {
    variables = module.rdspool.environment
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [module.rdspool.security_group_id]
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function.name
  }

  depends_on = [module.rdspool, aws_iam_role_policy_attachment.vpc_access]
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
