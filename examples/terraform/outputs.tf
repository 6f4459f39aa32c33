output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.connection_id.function_name
}
