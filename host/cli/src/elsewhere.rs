//! Endpoints that are not served by `millstream serve`: with `--on NAME`, where the profile names a stack, Lambda answers.

#[cfg(feature = "aws")]
mod lambda {
    use anyhow::anyhow;
    use millstream_aws_stack::{Account, LambdaEndpoints, OnLambda};
    use millstream_control::{
        Author, Updated,
        answering::{Answering as _, AnsweringError, carry_on},
    };
    use millstream_deployment::{Deploy, Endpoint, Traffic, Variant};
    use millstream_endpoint::WorkflowMetrics;
    use millstream_registry::{Endpoints, Models};
    use millstream_store::Store;
    use millstream_worker::Home;

    use crate::{cli::HomeArgs, profile};

    /// The stack whose functions answer.
    pub struct Elsewhere {
        lambda: LambdaEndpoints,
    }

    impl Elsewhere {
        /// Of what `--on` says; none where servers answer.
        pub fn of(home: &HomeArgs) -> anyhow::Result<Option<Self>> {
            let Some(name) = &home.on else { return Ok(None) };
            let profile = profile::find(name)?;
            let Some(stack) = profile.stack else { return Ok(None) };
            let account = Account::from_environment(profile.region.as_deref());
            Ok(Some(Self { lambda: LambdaEndpoints::of(account, &stack)? }))
        }

        fn live(&self) -> OnLambda<'_> {
            OnLambda::new(&self.lambda, self.lambda.surroundings())
        }

        /// Refuses a deployment that Lambda cannot serve, before anything is written.
        pub fn check_deploy(&self, home: &Home, endpoint: &str, wish: &Deploy) -> anyhow::Result<()> {
            let store = home.store().as_ref();
            let before = Endpoints::new(store).find(endpoint)?;
            let approved_only = before.as_ref().is_some_and(|before| before.config.approved_only);
            // What is wrong with the model, the deployment itself says.
            let Ok(version) = Models::new(store).resolve(&wish.model, approved_only) else { return Ok(()) };
            let to = Variant::of(&version.name, version.version);
            let to = Variant { name: wish.variant.clone().unwrap_or(to.name.clone()), ..to };
            Ok(self.live().check_deploy(endpoint, before.as_ref(), wish, &to)?)
        }

        /// Refuses traffic that Lambda cannot serve, before anything is written.
        pub fn check_traffic(&self, endpoint: &str, wish: &Traffic) -> anyhow::Result<()> {
            Ok(self.live().check_traffic(endpoint, wish)?)
        }

        /// Has Lambda answer as the record says.
        pub fn apply(&self, endpoint: &Endpoint) -> anyhow::Result<()> {
            self.live().apply(endpoint).map_err(told)
        }

        /// Does what comes next of the endpoint's rollouts.
        pub fn carry_on(
            &self,
            store: &dyn Store,
            endpoint: &str,
            author: &Author<'_>,
        ) -> anyhow::Result<Vec<Updated>> {
            carry_on(store, &self.live(), endpoint, &mut WorkflowMetrics::default(), author).map_err(told)
        }

        /// Removes what answers for an endpoint.
        pub fn remove(&self, endpoint: &str) -> anyhow::Result<()> {
            Ok(self.live().remove(endpoint)?)
        }

        /// Sends an event to an endpoint's function.
        pub fn invoke(&self, endpoint: &str, alias: &str, event: &[u8]) -> anyhow::Result<Vec<u8>> {
            Ok(self.lambda.invoke(endpoint, alias, event)?)
        }
    }

    /// With its code, if it has one.
    fn told(error: AnsweringError) -> anyhow::Error {
        let error = match error.downcast::<millstream_aws_stack::Error>() {
            Ok(error) => return anyhow::Error::new(*error),
            Err(error) => error,
        };
        match error.downcast::<millstream_control::Error>() {
            Ok(error) => anyhow::Error::new(*error),
            Err(error) => anyhow!(error),
        }
    }
}

#[cfg(not(feature = "aws"))]
mod nowhere {
    use millstream_control::{Author, Updated};
    use millstream_deployment::{Deploy, Endpoint, Traffic};
    use millstream_store::Store;
    use millstream_worker::Home;

    use crate::{cli::HomeArgs, commands, profile};

    /// There is none: this binary was built without AWS.
    pub enum Elsewhere {}

    impl Elsewhere {
        pub fn of(home: &HomeArgs) -> anyhow::Result<Option<Self>> {
            let Some(name) = &home.on else { return Ok(None) };
            match profile::find(name)?.stack {
                None => Ok(None),
                Some(_) => Err(commands::not_built()),
            }
        }

        pub fn check_deploy(&self, _: &Home, _: &str, _: &Deploy) -> anyhow::Result<()> {
            match *self {}
        }

        pub fn check_traffic(&self, _: &str, _: &Traffic) -> anyhow::Result<()> {
            match *self {}
        }

        pub fn apply(&self, _: &Endpoint) -> anyhow::Result<()> {
            match *self {}
        }

        pub fn carry_on(&self, _: &dyn Store, _: &str, _: &Author<'_>) -> anyhow::Result<Vec<Updated>> {
            match *self {}
        }

        pub fn remove(&self, _: &str) -> anyhow::Result<()> {
            match *self {}
        }
    }
}

#[cfg(feature = "aws")]
pub use lambda::Elsewhere;
#[cfg(not(feature = "aws"))]
pub use nowhere::Elsewhere;
