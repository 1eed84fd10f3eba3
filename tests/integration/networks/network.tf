# A VPC with three subnets, a group for clients and, unless it is left out, an own endpoint.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {
  type    = bool
  default = true
}
variable "policy" {
  type    = string
  default = null
}
variable "subnets" {
  description = "In how many of the subnets the endpoint is."
  type        = number
  default     = 3
}

provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
}

resource "aws_vpc" "net" {
  cidr_block           = "10.8.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_subnet" "net" {
  count             = 3
  vpc_id            = aws_vpc.net.id
  cidr_block        = "10.8.${count.index}.0/24"
  availability_zone = "us-east-1${element(["a", "b", "c"], count.index)}"
}

resource "aws_security_group" "net" {
  name   = "clients"
  vpc_id = aws_vpc.net.id
  ingress {
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["10.8.0.0/16"]
  }
}

resource "aws_vpc_endpoint" "states" {
  count               = var.endpoint ? 1 : 0
  vpc_id              = aws_vpc.net.id
  service_name        = "com.amazonaws.us-east-1.states"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = slice(aws_subnet.net[*].id, 0, var.subnets)
  security_group_ids  = [aws_security_group.net.id]
  policy              = var.policy
}
