variable "name" {
  description = "Name of the function, for the prefix of the security group's name."
  type        = string
}

variable "role_name" {
  description = "Name of the function's role, which gets the right to sign in as database_user."
  type        = string
}

variable "python" {
  description = "Python of the function, such as 3.13."
  type        = string
  default     = "3.13"

  validation {
    condition     = contains(["3.12", "3.13", "3.14"], var.python)
    error_message = "rdspool has layers for Python 3.12, 3.13 and 3.14."
  }
}

variable "architecture" {
  description = "Architecture of the function: x86_64 or arm64."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be x86_64 or arm64."
  }
}

variable "database_host" {
  description = "Endpoint of the instance, cluster or proxy, such as app.cluster-c1abcdefghij.eu-central-1.rds.amazonaws.com."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9.-]*$", var.database_host))
    error_message = "database_host must be the host name without scheme and port."
  }
}

variable "database_port" {
  description = "Port of the database."
  type        = number
  default     = 3306
}

variable "database_name" {
  description = "Database (schema) to use, such as app."
  type        = string
}

variable "database_user" {
  description = "Database user who signs in with IAM, such as app."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$", var.database_user))
    error_message = "database_user must be the name of one user without wildcards, because the role may connect only as this user."
  }
}

variable "database_resource_id" {
  description = "Resource id (not the name) of the cluster, instance or proxy, such as cluster-ABCDEFGHIJKL01234."
  type        = string

  validation {
    condition     = can(regex("^(cluster|db|prx)-[A-Za-z0-9]+$", var.database_resource_id))
    error_message = "database_resource_id must be the id of one resource and begin with cluster-, db- or prx-."
  }
}

variable "vpc_id" {
  description = "VPC of the database, such as vpc-0123456789abcdef0."
  type        = string
}

variable "database_security_group_id" {
  description = "Security group of the database, which gets a rule for the function, such as sg-0123456789abcdef0."
  type        = string
}

variable "layer_arn" {
  description = "ARN of the layer version. If null, the ARN is read from layer_parameter."
  type        = string
  default     = null

  validation {
    condition     = var.layer_arn == null || can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$", var.layer_arn))
    error_message = "layer_arn must be the ARN of a layer version, which ends with the version number."
  }
}

variable "layer_parameter" {
  description = "SSM parameter in this account and region with the ARN; used if layer_arn is null. Default: that of the publisher."
  type        = string
  default     = null
}
