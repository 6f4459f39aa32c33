# What a function with rdspool needs beside itself: the layer, the right to sign in as one database user, and the way to the database.

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

data "aws_ssm_parameter" "layer" {
  count = var.layer_arn == null ? 1 : 0
  name  = local.layer_parameter
}

locals {
  layer_name      = "rdspool-python${replace(var.python, ".", "_")}-${var.architecture}"
  layer_parameter = coalesce(var.layer_parameter, "/rdspool/python${var.python}/${var.architecture}/latest")
  layer_arn       = var.layer_arn != null ? var.layer_arn : data.aws_ssm_parameter.layer[0].insecure_value
  user_arn = join(":", [
    "arn", data.aws_partition.current.partition, "rds-db", data.aws_region.current.name, data.aws_caller_identity.current.account_id,
    "dbuser", "${var.database_resource_id}/${var.database_user}",
  ])
}

resource "aws_iam_role_policy" "connect" {
  name = "connect"
  role = var.role_name
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
