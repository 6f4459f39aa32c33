# Checks the plan for given variables without AWS. Run it with `terraform test`.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_ssm_parameter" {
    defaults = { insecure_value = "arn:aws:lambda:eu-central-1:123456789012:layer:from-the-parameter:9" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mocked" }
  }
}

variables {
  name = "rdspool-connection-id"
  # Of the module ./rdspool alone.
  role_name = "mocked"
  # A plan accepts any file, so no zip is needed.
  package                    = "main.tf"
  database_host              = "app.cluster-c1abcdefghij.eu-central-1.rds.amazonaws.com"
  database_name              = "app"
  database_user              = "app"
  database_resource_id       = "cluster-ABCDEFGHIJKL01234"
  vpc_id                     = "vpc-0123456789abcdef0"
  subnet_ids                 = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  database_security_group_id = "sg-0123456789abcdef0"
}

run "layer_by_arn" {
  command = plan

  variables {
    layer_arn = "arn:aws:lambda:eu-central-1:123456789012:layer:rdspool-python3_13-x86_64:7"
  }

  assert {
    condition     = aws_lambda_function.connection_id.layers == tolist(["arn:aws:lambda:eu-central-1:123456789012:layer:rdspool-python3_13-x86_64:7"])
    error_message = "The layer is not the one of layer_arn."
  }
}

run "no_parameter_beside_an_arn" {
  command = plan

  module {
    source = "./rdspool"
  }

  variables {
    layer_arn = "arn:aws:lambda:eu-central-1:123456789012:layer:rdspool-python3_13-x86_64:7"
  }

  assert {
    condition     = length(data.aws_ssm_parameter.layer) == 0
    error_message = "The SSM parameter is read although layer_arn is given. It may not exist then."
  }
}

run "the_parameter_of_the_python_and_the_architecture" {
  command = plan

  module {
    source = "./rdspool"
  }

  variables {
    python       = "3.14"
    architecture = "arm64"
  }

  assert {
    condition     = data.aws_ssm_parameter.layer[0].name == "/rdspool/python3.14/arm64/latest"
    error_message = "Another SSM parameter is read."
  }
}

run "no_layer_of_another_region" {
  command = plan

  module {
    source = "./rdspool"
  }

  variables {
    layer_arn = "arn:aws:lambda:eu-west-1:123456789012:layer:rdspool-python3_13-x86_64:7"
  }

  expect_failures = [output.layer_arn]
}

run "no_layer_for_another_architecture" {
  command = plan

  module {
    source = "./rdspool"
  }

  variables {
    layer_arn = "arn:aws:lambda:eu-central-1:123456789012:layer:rdspool-python3_13-arm64:7"
  }

  expect_failures = [output.layer_arn]
}

run "layer_by_parameter" {
  command = plan

  assert {
    condition     = aws_lambda_function.connection_id.layers == tolist(["arn:aws:lambda:eu-central-1:123456789012:layer:from-the-parameter:9"])
    error_message = "The layer is not the one that the SSM parameter names."
  }
}

run "one_user_of_one_database" {
  command = plan

  module {
    source = "./rdspool"
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.connect.policy).Statement == [{
      Effect   = "Allow"
      Action   = "rds-db:connect"
      Resource = "arn:aws:rds-db:eu-central-1:123456789012:dbuser:cluster-ABCDEFGHIJKL01234/app"
    }]
    error_message = "The role may do more than connect as the one user."
  }
}

run "the_function" {
  command = plan

  assert {
    condition     = aws_iam_role_policy_attachment.vpc_access.policy_arn == "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
    error_message = "The role can't create the network interfaces of a function in a VPC."
  }

  assert {
    condition = aws_lambda_function.connection_id.environment[0].variables == tomap({
      RDSPOOL_HOST     = "app.cluster-c1abcdefghij.eu-central-1.rds.amazonaws.com"
      RDSPOOL_PORT     = "3306"
      RDSPOOL_USER     = "app"
      RDSPOOL_DATABASE = "app"
    })
    error_message = "The variables are not those that rdspool reads."
  }

  assert {
    condition = (
      aws_lambda_function.connection_id.runtime == "python3.13" &&
      aws_lambda_function.connection_id.memory_size == 128 &&
      aws_lambda_function.connection_id.timeout == 20 &&
      aws_lambda_function.connection_id.reserved_concurrent_executions == 10 &&
      aws_cloudwatch_log_group.function.retention_in_days == 14
    )
    error_message = "Runtime, memory, timeout, concurrency or log retention is wrong."
  }

  assert {
    condition     = aws_lambda_function.connection_id.vpc_config[0].subnet_ids == toset(["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"])
    error_message = "The function is in other subnets."
  }
}

run "the_connection_to_the_database" {
  # `apply` with the mocked provider, so that the id of the function's group is known.
  command = apply

  module {
    source = "./rdspool"
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.function.security_group_id == "sg-0123456789abcdef0" &&
      aws_vpc_security_group_ingress_rule.function.referenced_security_group_id == aws_security_group.function.id &&
      aws_vpc_security_group_ingress_rule.function.from_port == 3306 &&
      aws_vpc_security_group_ingress_rule.function.to_port == 3306
    )
    error_message = "The database's group does not allow the function's group on the database's port."
  }

  assert {
    condition = (
      aws_vpc_security_group_egress_rule.database.security_group_id == aws_security_group.function.id &&
      aws_vpc_security_group_egress_rule.database.referenced_security_group_id == "sg-0123456789abcdef0"
    )
    error_message = "The function's group does not allow connections to the database's group."
  }
}

run "the_function_is_in_the_group" {
  command = apply

  assert {
    condition     = aws_lambda_function.connection_id.vpc_config[0].security_group_ids == toset([module.rdspool.security_group_id])
    error_message = "The function is in another security group."
  }
}

run "no_pattern_for_a_user" {
  command = plan

  variables {
    database_user = "*"
  }

  expect_failures = [var.database_user]
}

run "no_pattern_for_a_database" {
  command = plan

  variables {
    database_resource_id = "*"
  }

  expect_failures = [var.database_resource_id]
}

run "no_layer_without_a_version" {
  command = plan

  variables {
    layer_arn = "arn:aws:lambda:eu-central-1:123456789012:layer:rdspool-python3_13-x86_64"
  }

  expect_failures = [var.layer_arn]
}
