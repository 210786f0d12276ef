//! Changes of endpoints.

use millstream_core::failure::Failure;
use millstream_deployment::{Config, Deploy, Reason, Settings, Traffic};
use millstream_engine::Request as Rows;
use millstream_registry::{Author, Deployed, Deployer, Endpoints, Error, ModelVersion, Updated};
use millstream_worker::Home;

use crate::trial::Trial;

/// Changes the endpoints of a home. Each method is one conditional write. If two callers meet, the second is told what the first
/// did.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    pub(crate) home: &'a Home,
    deployer: Deployer<'a>,
}

impl<'a> Control<'a> {
    /// Of the endpoints of `home`.
    pub fn new(home: &'a Home) -> Self {
        Self { home, deployer: Deployer::new(home.store().as_ref()) }
    }

    /// Puts a version behind an endpoint. The version is loaded as a server does, and asked the sample if there is one, within
    /// the limits that the endpoint will give it; only then traffic begins to move. A rejected version is refused; one that waits
    /// for approval is deployed, unless the endpoint takes approved versions only.
    ///
    /// # Errors
    /// No such model or version; it may not be deployed; it fails its trial; a rollout is under way; the configuration may not
    /// be changed so (`Forbidden`); somebody else changed the alias meanwhile; the store failed.
    pub fn deploy(
        &self,
        endpoint: &str,
        wish: &Deploy,
        author: &Author<'_>,
        sample: Option<&Rows>,
    ) -> Result<Deployed, Error> {
        self.deployer.deploy(endpoint, wish, author, &|version, config| self.try_out(version, config, sample))
    }

    /// Sets who answers behind an alias. Versions that come new are tried first, as [`Control::deploy`] does.
    ///
    /// # Errors
    /// No such endpoint, alias, variant or version; nobody would answer; a version fails its trial; a rollout is under way;
    /// somebody else changed the alias meanwhile; the store failed.
    pub fn set_traffic(&self, endpoint: &str, wish: &Traffic, author: &Author<'_>) -> Result<Updated, Error> {
        self.deployer
            .set_traffic(endpoint, wish, author, &|version, config| self.try_out(version, config, None))
    }

    /// Changes how an endpoint is served. One that is not there yet is made if the settings say which models it serves
    /// (`multi-model`).
    ///
    /// # Errors
    /// No such endpoint, settings that cannot be or may not be changed so (`Forbidden`), or the store failed.
    pub fn configure(
        &self,
        endpoint: &str,
        settings: &Settings,
        author: &Author<'_>,
    ) -> Result<Updated, Error> {
        self.deployer.configure(endpoint, settings, author)
    }

    /// Goes back to who answered before the last deployment or change of traffic; aborts a rollout that is under way.
    ///
    /// # Errors
    /// No such endpoint or alias, nothing to go back to, or the store failed.
    pub fn roll_back(&self, endpoint: &str, of: &Reason, author: &Author<'_>) -> Result<Updated, Error> {
        self.deployer.roll_back(endpoint, of, author)
    }

    /// Gives the new version of a rollout all traffic now, and ends the rollout.
    ///
    /// # Errors
    /// No such endpoint or alias, no rollout under way, or the store failed.
    pub fn promote(&self, endpoint: &str, of: &Reason, author: &Author<'_>) -> Result<Updated, Error> {
        self.deployer.promote(endpoint, of, author)
    }

    /// Ends a rollout: everything as it was before.
    ///
    /// # Errors
    /// No such endpoint or alias, no rollout under way, or the store failed.
    pub fn abort(&self, endpoint: &str, of: &Reason, author: &Author<'_>) -> Result<Updated, Error> {
        self.deployer.abort(endpoint, of, author)
    }

    /// Removes an alias; `live` stays.
    ///
    /// # Errors
    /// No such endpoint or alias, it is `live`, or the store failed.
    pub fn remove_alias(&self, endpoint: &str, alias: &str, author: &Author<'_>) -> Result<Updated, Error> {
        self.deployer.remove_alias(endpoint, alias, author)
    }

    /// Removes an endpoint: requests to it are refused from now on. Its history stays.
    ///
    /// # Errors
    /// No such endpoint, or the store failed.
    pub fn remove(&self, endpoint: &str, author: &Author<'_>) -> Result<(), Error> {
        Endpoints::new(self.home.store().as_ref()).remove(endpoint, author, None)
    }

    fn try_out(&self, version: &ModelVersion, config: &Config, sample: Option<&Rows>) -> Result<(), Failure> {
        let mut trial = Trial::new(self.home, config)?;
        trial.sample = sample.cloned();
        trial.run(&version.name, &version.pipeline).map(drop)
    }
}
