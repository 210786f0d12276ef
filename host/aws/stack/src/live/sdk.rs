//! Lambda and CloudWatch by the SDK.

use std::collections::HashMap;

use aws_sdk_lambda::types::{
    AliasRoutingConfiguration, Architecture, Environment, FunctionCode, FunctionUrlAuthType,
    LastUpdateStatus, Runtime, State,
};

use crate::{
    Account, Error,
    error::{Explained as _, is_missing},
    functions::TAG,
    live::{FunctionSpec, LambdaAlias, LambdaApi, Pointing, PublishedVersion, Surroundings, VersionFigures},
};

/// The functions of the endpoints of a stack.
pub struct LambdaEndpoints {
    pub(super) account: Account,
    stack: String,
    bucket: String,
    role: String,
    architecture: Architecture,
    around: Surroundings,
}

/// How often a function is looked at until it can be published.
const LOOKS: u32 = 300;
impl LambdaEndpoints {
    /// Of a stack.
    ///
    /// # Errors
    /// There is none of that name; AWS says no, or nothing.
    pub fn of(account: Account, stack: &str) -> Result<Self, Error> {
        millstream_aws::block_on(async {
            let there = account.stack_there(stack).await?;
            let output = |name: &str| {
                there.outputs.get(name).cloned().ok_or_else(|| Error::Failed {
                    stack: stack.to_owned(),
                    status: there.status.clone(),
                    why: format!("it has no output {name}; `millstream aws deploy` makes it whole"),
                })
            };
            let bucket = account.physical(stack, "Bucket").await?.unwrap_or_default();
            // That of a worker is that of the stack.
            let worker = account.functions(stack).await?.into_iter().find(|name| name.starts_with("worker-"));
            let architecture = match worker {
                None => Architecture::Arm64,
                Some(worker) => {
                    let name = format!("{stack}-{worker}");
                    let found = account.lambda.get_function_configuration().function_name(&name).send().await;
                    let target = format!("function {name}");
                    let found = found.explained("look at", &target, "lambda:GetFunctionConfiguration")?;
                    found.architectures().first().cloned().unwrap_or(Architecture::X8664)
                }
            };
            let around = Surroundings {
                stack: stack.to_owned(),
                code: output("CodeKey")?,
                store: output("Store")?,
                queue: output("Queue")?,
            };
            let role = output("EndpointRole")?;
            Ok(Self { account: account.clone(), stack: stack.to_owned(), bucket, role, architecture, around })
        })
    }

    /// What the endpoints' functions are told.
    pub fn surroundings(&self) -> Surroundings {
        self.around.clone()
    }

    /// Sends a request to an endpoint's alias, shaped as a function URL's. Gives status, headers and body of the answer.
    ///
    /// # Errors
    /// There is no such endpoint; the body is too large; the function broke; AWS says no, or nothing.
    pub fn invoke(&self, endpoint: &str, alias: &str, event: &[u8]) -> Result<Vec<u8>, Error> {
        let function = crate::names::endpoint_function(&self.stack, endpoint);
        let payload = aws_sdk_lambda::primitives::Blob::new(event);
        millstream_aws::block_on(async {
            let asked =
                self.account.lambda.invoke().function_name(&function).qualifier(alias).payload(payload);
            let answer = match asked.send().await {
                Err(error) if is_missing(&error) => {
                    return Err(Error::Endpoint(format!(
                        "endpoint `{endpoint}` has no function with alias `{alias}` on Lambda; `millstream deploy {endpoint} --model M \
                         --on aws` makes it"
                    )));
                }
                answer => {
                    answer.explained("invoke", &format!("function {function}"), "lambda:InvokeFunction")?
                }
            };
            let payload = answer.payload().map(|blob| blob.as_ref().to_vec()).unwrap_or_default();
            match answer.function_error() {
                None => Ok(payload),
                Some(kind) => Err(Error::Endpoint(format!(
                    "the function of endpoint `{endpoint}` broke ({kind}): {}; `millstream aws logs endpoint-{endpoint}` shows its log",
                    String::from_utf8_lossy(&payload)
                ))),
            }
        })
    }

    fn environment(spec: &FunctionSpec) -> Environment {
        let variables: HashMap<String, String> = spec.environment.clone().into_iter().collect();
        Environment::builder().set_variables(Some(variables)).build()
    }

    /// Waits until a function may be changed or published; gives its revision.
    async fn steady(&self, function: &str) -> Result<String, Error> {
        let target = format!("function {function}");
        for _ in 0..LOOKS {
            let found = self.account.lambda.get_function_configuration().function_name(function).send().await;
            let found = found.explained("look at", &target, "lambda:GetFunctionConfiguration")?;
            let failed = found.last_update_status() == Some(&LastUpdateStatus::Failed)
                || found.state() == Some(&State::Failed);
            if failed {
                let why = found.last_update_status_reason().or(found.state_reason()).unwrap_or_default();
                return Err(Error::Endpoint(format!("Lambda cannot make function {function} ready: {why}")));
            }
            let busy = found.last_update_status() == Some(&LastUpdateStatus::InProgress)
                || found.state() == Some(&State::Pending);
            if !busy {
                return Ok(found.revision_id().unwrap_or_default().to_owned());
            }
            tokio::time::sleep(self.account.patience / 4).await;
        }
        Err(Error::Endpoint(format!("function {function} is not ready after minutes; look at it in Lambda")))
    }

    async fn make(&self, spec: &FunctionSpec) -> Result<(), Error> {
        let (lambda, name) = (&self.account.lambda, &spec.name);
        match lambda.get_function_configuration().function_name(name).send().await {
            Err(error) if is_missing(&error) => {}
            found => {
                found.explained("look at", &format!("function {name}"), "lambda:GetFunctionConfiguration")?;
                return Ok(());
            }
        }
        let code = FunctionCode::builder().s3_bucket(&self.bucket).s3_key(&spec.code).build();
        let made = lambda
            .create_function()
            .function_name(name)
            .runtime(Runtime::from("provided.al2023"))
            .handler("bootstrap")
            .role(&self.role)
            .architectures(self.architecture.clone())
            .code(code)
            .memory_size(i32::try_from(spec.memory).unwrap_or(i32::MAX))
            .timeout(i32::try_from(spec.timeout).unwrap_or(i32::MAX))
            .environment(Self::environment(spec))
            .tags(TAG, &self.stack)
            .send()
            .await;
        match made {
            // Somebody else was quicker.
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_resource_conflict_exception()) =>
            {
                Ok(())
            }
            made => made.explained("make", &format!("function {name}"), "lambda:CreateFunction").map(drop),
        }
    }

    async fn bind(&self, spec: &FunctionSpec, model: &str) -> Result<Option<String>, Error> {
        let (lambda, name) = (&self.account.lambda, &spec.name);
        let target = format!("function {name}");
        let revision = self.steady(name).await?;
        let asked =
            lambda.update_function_code().function_name(name).s3_bucket(&self.bucket).s3_key(&spec.code);
        match asked.revision_id(revision).send().await {
            Err(error)
                if error.as_service_error().is_some_and(|e| {
                    e.is_precondition_failed_exception() || e.is_resource_conflict_exception()
                }) =>
            {
                return Ok(None);
            }
            done => drop(done.explained("change the code of", &target, "lambda:UpdateFunctionCode")?),
        }
        let revision = self.steady(name).await?;
        let asked = lambda
            .update_function_configuration()
            .function_name(name)
            .memory_size(i32::try_from(spec.memory).unwrap_or(i32::MAX))
            .timeout(i32::try_from(spec.timeout).unwrap_or(i32::MAX))
            .environment(Self::environment(spec))
            .revision_id(revision);
        match asked.send().await {
            Err(error)
                if error.as_service_error().is_some_and(|e| {
                    e.is_precondition_failed_exception() || e.is_resource_conflict_exception()
                }) =>
            {
                return Ok(None);
            }
            done => drop(done.explained("configure", &target, "lambda:UpdateFunctionConfiguration")?),
        }
        let revision = self.steady(name).await?;
        let asked = lambda
            .publish_version()
            .function_name(name)
            .description(description(model, &spec.code))
            .revision_id(revision);
        match asked.send().await {
            Err(error)
                if error.as_service_error().is_some_and(|e| {
                    e.is_precondition_failed_exception() || e.is_resource_conflict_exception()
                }) =>
            {
                Ok(None)
            }
            done => {
                let done = done.explained("publish", &target, "lambda:PublishVersion")?;
                Ok(done.version().map(str::to_owned))
            }
        }
    }

    async fn list_versions(&self, function: &str) -> Result<Vec<PublishedVersion>, Error> {
        let mut all = Vec::new();
        let mut marker = None;
        loop {
            let page = self
                .account
                .lambda
                .list_versions_by_function()
                .function_name(function)
                .set_marker(marker)
                .send()
                .await;
            let page = page.explained(
                "list the versions of",
                &format!("function {function}"),
                "lambda:ListVersionsByFunction",
            )?;
            for version in page.versions() {
                let Some((model, code)) = version.description().and_then(bound_to) else { continue };
                let Some(number) = version.version().filter(|number| number.parse::<u64>().is_ok()) else {
                    continue;
                };
                all.push(PublishedVersion { number: number.to_owned(), model, code });
            }
            marker = page.next_marker().filter(|marker| !marker.is_empty()).map(str::to_owned);
            if marker.is_none() {
                all.sort_by_key(|version| version.number.parse::<u64>().unwrap_or(0));
                return Ok(all);
            }
        }
    }

    async fn point_alias(
        &self,
        function: &str,
        alias: &str,
        to: &Pointing,
        revision: Option<&str>,
    ) -> Result<bool, Error> {
        let lambda = &self.account.lambda;
        let target = format!("alias {alias} of function {function}");
        let weights = to.second.clone().into_iter().collect();
        // An empty map lets go of the second version.
        let routing =
            AliasRoutingConfiguration::builder().set_additional_version_weights(Some(weights)).build();
        let Some(revision) = revision else {
            let asked =
                lambda.create_alias().function_name(function).name(alias).function_version(&to.version);
            match asked.routing_config(routing).send().await {
                Err(error)
                    if error.as_service_error().is_some_and(|e| e.is_resource_conflict_exception()) =>
                {
                    return Ok(false);
                }
                made => drop(made.explained("make", &target, "lambda:CreateAlias")?),
            }
            let asked = lambda.create_function_url_config().function_name(function).qualifier(alias);
            return match asked.auth_type(FunctionUrlAuthType::AwsIam).send().await {
                Err(error)
                    if error.as_service_error().is_some_and(|e| e.is_resource_conflict_exception()) =>
                {
                    Ok(true)
                }
                made => {
                    made.explained("make a URL for", &target, "lambda:CreateFunctionUrlConfig").map(|_| true)
                }
            };
        };
        let asked = lambda.update_alias().function_name(function).name(alias).function_version(&to.version);
        match asked.routing_config(routing).revision_id(revision).send().await {
            Err(error) if error.as_service_error().is_some_and(|e| e.is_precondition_failed_exception()) => {
                Ok(false)
            }
            done => done.explained("change", &target, "lambda:UpdateAlias").map(|_| true),
        }
    }
}

impl LambdaApi for LambdaEndpoints {
    fn ensure(&self, spec: &FunctionSpec) -> Result<(), Error> {
        millstream_aws::block_on(self.make(spec))
    }

    fn versions(&self, function: &str) -> Result<Vec<PublishedVersion>, Error> {
        millstream_aws::block_on(self.list_versions(function))
    }

    fn publish(&self, spec: &FunctionSpec, model: &str) -> Result<Option<String>, Error> {
        millstream_aws::block_on(self.bind(spec, model))
    }

    fn alias(&self, function: &str, alias: &str) -> Result<Option<LambdaAlias>, Error> {
        millstream_aws::block_on(async {
            let found = match self.account.lambda.get_alias().function_name(function).name(alias).send().await
            {
                Err(error) if is_missing(&error) => return Ok(None),
                found => found.explained(
                    "look at",
                    &format!("alias {alias} of function {function}"),
                    "lambda:GetAlias",
                )?,
            };
            let weights = found.routing_config().and_then(|routing| routing.additional_version_weights());
            let second = weights
                .and_then(|weights| weights.iter().next())
                .map(|(version, share)| (version.clone(), *share));
            let pointing =
                Pointing { version: found.function_version().unwrap_or_default().to_owned(), second };
            Ok(Some(LambdaAlias { pointing, revision: found.revision_id().unwrap_or_default().to_owned() }))
        })
    }

    fn point(
        &self,
        function: &str,
        alias: &str,
        to: &Pointing,
        revision: Option<&str>,
    ) -> Result<bool, Error> {
        millstream_aws::block_on(self.point_alias(function, alias, to, revision))
    }

    fn figures(
        &self,
        function: &str,
        of: (&str, &str),
        between: (u64, u64),
        limits: &[f64],
    ) -> Result<VersionFigures, Error> {
        millstream_aws::block_on(self.metrics(function, of, between, limits))
    }

    fn fired(&self, function: &str) -> Result<Vec<String>, Error> {
        millstream_aws::block_on(self.alarms(function))
    }

    fn remove(&self, function: &str) -> Result<(), Error> {
        millstream_aws::block_on(self.account.delete_function(function))
    }
}

/// What is written down of a published version.
fn description(model: &str, code: &str) -> String {
    format!("{model} by {code}")
}

fn bound_to(description: &str) -> Option<(String, String)> {
    let (model, code) = description.split_once(" by ")?;
    Some((model.to_owned(), code.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_reads_back() {
        let text = description("churn@4", "millstream/packages/ab.zip");
        assert_eq!(bound_to(&text), Some(("churn@4".to_owned(), "millstream/packages/ab.zip".to_owned())));
        assert_eq!(bound_to("by hand"), None);
        // Lambda takes 256 characters.
        assert!(
            description(&"m".repeat(64), &format!("millstream/packages/{}.zip", "a".repeat(64))).len() <= 256
        );
    }
}
