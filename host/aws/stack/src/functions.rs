//! The functions of a stack in Lambda.

use crate::{
    Account, Error,
    error::{Explained as _, is_missing},
};

impl Account {
    /// What is behind the stack's name in the names of its functions: `worker-small`, `endpoint-churn`.
    pub(crate) async fn functions(&self, stack: &str) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        let mut marker = None;
        loop {
            let page = self.lambda.list_functions().set_marker(marker).send().await;
            let page = page.explained("list", "functions", "lambda:ListFunctions")?;
            let own = page.functions().iter().filter_map(|function| function.function_name());
            let own = own.filter_map(|name| name.strip_prefix(stack)?.strip_prefix('-'));
            names.extend(own.map(str::to_owned));
            marker = page.next_marker().filter(|marker| !marker.is_empty()).map(str::to_owned);
            if marker.is_none() {
                names.sort();
                return Ok(names);
            }
        }
    }

    /// The functions of endpoints that a stack's deployments have made: by their tag, as another stack's name may begin alike.
    pub(crate) async fn endpoint_functions(&self, stack: &str) -> Result<Vec<String>, Error> {
        let mut own = Vec::new();
        for name in self.functions(stack).await?.iter().filter(|name| name.starts_with("endpoint-")) {
            let name = format!("{stack}-{name}");
            let target = format!("function {name}");
            let found = match self.lambda.get_function().function_name(&name).send().await {
                Err(error) if is_missing(&error) => continue,
                found => found.explained("look at", &target, "lambda:GetFunction")?,
            };
            if found.tags().and_then(|tags| tags.get(TAG)).is_some_and(|of| of == stack) {
                own.push(name);
            }
        }
        Ok(own)
    }

    /// Deletes a function with all its versions and aliases, and its log group; one that is gone already is none to worry about.
    pub(crate) async fn delete_function(&self, name: &str) -> Result<(), Error> {
        match self.lambda.delete_function().function_name(name).send().await {
            Err(error) if is_missing(&error) => {}
            deleted => {
                deleted.explained("delete", &format!("function {name}"), "lambda:DeleteFunction")?;
            }
        }
        let group = crate::names::log_group(name);
        match self.logs.delete_log_group().log_group_name(&group).send().await {
            Err(error) if is_missing(&error) => Ok(()),
            deleted => {
                deleted.explained("delete", &format!("log group {group}"), "logs:DeleteLogGroup").map(drop)
            }
        }
    }
}

/// Says which stack something belongs to.
pub(crate) const TAG: &str = "millstream:stack";
