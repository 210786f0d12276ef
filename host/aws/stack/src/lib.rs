//! The stack in a user's AWS account: package, deploy, status, logs, destroy; Lambda versions and aliases.
