//! What endpoints need of Lambda and CloudWatch.

use std::collections::BTreeMap;

use crate::Error;

/// What every function of an endpoint has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionSpec {
    /// Its name.
    pub name: String,
    /// The package in the bucket.
    pub code: String,
    /// MB.
    pub memory: u32,
    /// Seconds.
    pub timeout: u32,
    /// What the bootstrap is told.
    pub environment: BTreeMap<String, String>,
}

/// A published version of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedVersion {
    /// Its number.
    pub number: String,
    /// The version of a model that it is bound to, `churn@4`.
    pub model: String,
    /// The package that it was made of.
    pub code: String,
}

/// What an alias of Lambda points at.
#[derive(Clone, Debug, PartialEq)]
pub struct Pointing {
    /// The number of a published version.
    pub version: String,
    /// Another one, with its share of the requests, from 0 to 1.
    pub second: Option<(String, f64)>,
}

/// An alias of Lambda as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct LambdaAlias {
    /// What it points at.
    pub pointing: Pointing,
    /// Names this state of it.
    pub revision: String,
}

/// What CloudWatch knows of a version behind an alias.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VersionFigures {
    /// Invocations.
    pub invocations: u64,
    /// Those that broke.
    pub errors: u64,
    /// Of each limit that was asked for (milliseconds), the share of invocations that were not slower, from 0 to 1.
    pub within: Vec<f64>,
}

/// What an endpoint needs of Lambda and CloudWatch; a test has a recorded one.
pub trait LambdaApi {
    /// Makes a function if it is not there.
    ///
    /// # Errors
    /// AWS says no, or nothing.
    fn ensure(&self, spec: &FunctionSpec) -> Result<(), Error>;
    /// The published versions of a function, oldest first.
    ///
    /// # Errors
    /// AWS says no, or nothing.
    fn versions(&self, function: &str) -> Result<Vec<PublishedVersion>, Error>;
    /// Gives a function this package and this environment, and publishes it. None: somebody else changed it meanwhile.
    ///
    /// # Errors
    /// AWS says no, or nothing.
    fn publish(&self, spec: &FunctionSpec, model: &str) -> Result<Option<String>, Error>;
    /// An alias; none if it is not there.
    ///
    /// # Errors
    /// AWS says no, or nothing.
    fn alias(&self, function: &str, alias: &str) -> Result<Option<LambdaAlias>, Error>;
    /// Makes an alias (with its URL), or changes the one of that revision. False: it is another one by now.
    ///
    /// # Errors
    /// AWS says no, or nothing.
    fn point(
        &self,
        function: &str,
        alias: &str,
        to: &Pointing,
        revision: Option<&str>,
    ) -> Result<bool, Error>;
    /// The figures of a version behind an alias (`of`: alias and version) between two times (milliseconds since 1970 UTC).
    ///
    /// # Errors
    /// AWS says no, or nothing.
    fn figures(
        &self,
        function: &str,
        of: (&str, &str),
        between: (u64, u64),
        limits: &[f64],
    ) -> Result<VersionFigures, Error>;
    /// Alarms of CloudWatch that have fired and whose names begin with the function's and a slash, with their reasons.
    ///
    /// # Errors
    /// AWS says no, or nothing.
    fn fired(&self, function: &str) -> Result<Vec<String>, Error>;
    /// Removes a function with all that belongs to it.
    ///
    /// # Errors
    /// AWS says no, or nothing.
    fn remove(&self, function: &str) -> Result<(), Error>;
}
