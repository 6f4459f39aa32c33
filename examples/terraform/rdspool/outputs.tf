output "layer_arn" {
  description = "ARN of the layer version, for the function's layers."
  value       = local.layer_arn

  precondition {
    condition     = element(split(":", local.layer_arn), 3) == data.aws_region.current.name
    error_message = "The layer version ${local.layer_arn} is of another region than the function (${data.aws_region.current.name})."
  }

  precondition {
    condition     = !startswith(element(split(":", local.layer_arn), 6), "rdspool-python") || element(split(":", local.layer_arn), 6) == local.layer_name
    error_message = "The layer version ${local.layer_arn} is for another Python or architecture than the function's: take one of ${local.layer_name}."
  }
}

output "environment" {
  description = "Environment variables for the function."
  value = {
    RDSPOOL_HOST     = var.database_host
    RDSPOOL_PORT     = tostring(var.database_port)
    RDSPOOL_USER     = var.database_user
    RDSPOOL_DATABASE = var.database_name
  }
}

output "security_group_id" {
  description = "Security group for the function, which the database's group allows."
  value       = aws_security_group.function.id
}

output "runtime" {
  description = "Runtime for the function."
  value       = "python${var.python}"
}
