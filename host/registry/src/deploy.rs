//! Moving aliases from version to version.

use millstream_core::{failure::Failure, nearest};
use millstream_deployment::{
    Alias, Change, Config, Deploy, Endpoint, LIVE, Moved, Reason, Refused, Settings, Variant, names,
    rollout::Decision,
};
use millstream_store::{Store, failpoint::reached};

use crate::{
    ApprovalStatus, Author, Edit, Endpoints, Error, ModelVersion, Models, Updated, endpoints::changed_since,
};

/// Moves aliases. Each method is one conditional write. If two callers meet, the second is told what the first did.
#[derive(Clone, Copy)]
pub struct Deployer<'a> {
    pub(crate) endpoints: Endpoints<'a>,
    pub(crate) models: Models<'a>,
}

/// What became of a deployment.
#[derive(Clone, Debug)]
pub struct Deployed {
    /// The record as it is now.
    pub endpoint: Endpoint,
    /// The version.
    pub version: ModelVersion,
    /// What was done; none if the same request had done it before.
    pub moved: Option<Moved>,
    /// The endpoint was made.
    pub created: bool,
    /// What was written down: by this call, or by the same request before; none if there was nothing to do.
    pub change: Option<Change>,
}

/// Loads a version and asks it something, before it gets its first request: within the limits that the endpoint will give it.
pub type Check<'a> = &'a dyn Fn(&ModelVersion, &Config) -> Result<(), Failure>;

/// The reason if none is given.
const BY_HAND: &str = "by hand";

impl<'a> Deployer<'a> {
    /// Of the registry in that store.
    pub fn new(store: &'a dyn Store) -> Self {
        Self { endpoints: Endpoints::new(store), models: Models::new(store) }
    }

    /// Deploys a version: `check` loads it and asks it, and only then traffic begins to move, in one write. A rejected version is
    /// refused; one that waits for approval is deployed, unless the endpoint's configuration says `approved-only`.
    ///
    /// # Errors
    /// No such model or version; it may not be deployed; it fails its check; a rollout is under way; the configuration may not
    /// be changed so (`Forbidden`); somebody else changed the alias meanwhile; the store failed.
    pub fn deploy(
        &self,
        name: &str,
        wish: &Deploy,
        author: &Author<'_>,
        check: Check<'_>,
    ) -> Result<Deployed, Error> {
        names::check("an endpoint", name).map_err(Error::Invalid)?;
        names::check_alias(&wish.alias).map_err(Error::Invalid)?;
        wish.rollout.check().map_err(Error::Invalid)?;
        let before = self.endpoints.find(name)?;
        let done = before.as_ref().map(|endpoint| author.repeated(endpoint)).transpose()?.flatten();
        let mut config = before.as_ref().map(|endpoint| endpoint.config.clone()).unwrap_or_default();
        configure(name, &wish.config, author, &mut config)?;
        let version = self.models.resolve(&wish.model, config.approved_only)?;
        if let (Some(endpoint), Some(change)) = (&before, done) {
            let endpoint = endpoint.clone();
            return Ok(Deployed { endpoint, version, moved: None, created: false, change: Some(change) });
        }
        config.check().map_err(Error::Invalid)?;
        may_be_deployed(&version, config.approved_only)?;
        let to = variant(&version, wish.variant.as_deref())?;
        if before.is_none() && wish.alias != LIVE {
            return Err(Error::Refused(format!(
                "endpoint `{name}` does not exist yet; deploy to its alias `{LIVE}` first"
            )));
        }
        // What would be refused in the end is refused before the work.
        let mut planned = before.as_ref().map(alias_of(&wish.alias)).unwrap_or_default();
        move_to(wish, &mut planned, &to, author, 0).map_err(|refused| explain(name, refused))?;
        check(&version, &config)
            .map_err(|failure| Error::Check { model: version.reference(), failure: Box::new(failure) })?;
        let deployed = match before {
            None => self.first(name, wish, author, version, to, config),
            Some(before) => self.next(wish, author, version, &to, &before),
        }?;
        // Whoever removed it between the last look and the write did not see that it is in use.
        reached("deployed");
        self.models.claim(&deployed.version.name, deployed.version.version)?;
        Ok(deployed)
    }

    /// The first version of an endpoint has nobody to take traffic from: it gets everything at once.
    fn first(
        &self,
        name: &str,
        wish: &Deploy,
        author: &Author<'_>,
        version: ModelVersion,
        to: Variant,
        config: Config,
    ) -> Result<Deployed, Error> {
        let live = Alias { variants: vec![to], ..Alias::default() };
        let why = because(format!("created with {}", version.reference()), wish.reason.as_deref());
        let updated = self.endpoints.create(name, live, config, author, &why)?;
        let moved = updated.change.is_some().then_some(Moved::AtOnce);
        Ok(deployed(updated, version, moved, true))
    }

    fn next(
        &self,
        wish: &Deploy,
        author: &Author<'_>,
        version: ModelVersion,
        to: &Variant,
        before: &Endpoint,
    ) -> Result<Deployed, Error> {
        let mut moved = None;
        let name = before.name.as_str();
        let updated = self.endpoints.update(name, author, None, |endpoint| {
            if endpoint.aliases.get(&wish.alias) != before.aliases.get(&wish.alias) {
                return Err(changed_since(endpoint, before.revision, Some(&wish.alias)));
            }
            // Somebody may have removed or rejected it while it was loaded.
            let now = self.models.version(&version.name, version.version)?;
            let config = endpoint.config.clone();
            configure(name, &wish.config, author, &mut endpoint.config)?;
            may_be_deployed(&now, endpoint.config.approved_only)?;
            let id = endpoint.revision + 1;
            let alias = endpoint.aliases.entry(wish.alias.clone()).or_default();
            let how = move_to(wish, alias, to, author, id).map_err(|refused| explain(name, refused))?;
            moved = Some(how);
            let why = match how {
                Moved::Already if endpoint.config == config => return Ok(None),
                Moved::Already => "configured".to_owned(),
                Moved::AtOnce => format!("deployed {}", to.reference()),
                Moved::Begun => format!("began to deploy {}: {}", to.reference(), wish.rollout),
            };
            let why = because(why, wish.reason.as_deref());
            Ok(Some(Edit { alias: Some(wish.alias.clone()), why }))
        })?;
        let moved = moved.filter(|_| updated.repeated.is_none());
        Ok(deployed(updated, version, moved, false))
    }

    /// Carries out what was decided of a rollout, if it is still as it was when that was decided: the rollout of this id, at
    /// this share. None: it is not, or there was nothing to do.
    ///
    /// # Errors
    /// No such endpoint, or the store failed.
    pub fn advance(
        &self,
        endpoint: &str,
        alias: &str,
        seen: (&str, f64),
        decision: &Decision,
        author: &Author<'_>,
    ) -> Result<Option<Updated>, Error> {
        let (id, share) = seen;
        let updated = self.endpoints.update(endpoint, author, None, |endpoint| {
            let Some(moving) = endpoint.aliases.get_mut(alias) else { return Ok(None) };
            if !moving.rollout.as_ref().is_some_and(|rollout| rollout.id == id && rollout.share == share) {
                return Ok(None);
            }
            let done =
                moving.apply(decision, author.at).map_err(|refused| explain(&endpoint.name, refused))?;
            Ok(done.map(|why| Edit { alias: Some(alias.to_owned()), why }))
        })?;
        Ok(updated.change.is_some().then_some(updated))
    }

    /// A server that has not seen the new versions' requests takes over: every rollout of the endpoint whose plan rests on
    /// requests is watched anew from the beginning of its share. None: there is none.
    ///
    /// # Errors
    /// No such endpoint, or the store failed.
    pub fn watch_anew(&self, endpoint: &str, author: &Author<'_>) -> Result<Option<Updated>, Error> {
        let updated = self.endpoints.update(endpoint, author, None, |endpoint| {
            let anew: Vec<String> = endpoint
                .aliases
                .iter_mut()
                .filter_map(|(name, alias)| alias.watch_anew(author.at).then(|| name.clone()))
                .collect();
            let why = "a server came back, so this share is watched again from its beginning".to_owned();
            Ok(anew.into_iter().next().map(|alias| Edit { alias: Some(alias), why }))
        })?;
        Ok(updated.change.is_some().then_some(updated))
    }

    /// Gives the new version of a rollout all traffic now, and ends the rollout.
    ///
    /// # Errors
    /// No such endpoint or alias, no rollout under way, or the store failed.
    pub fn promote(&self, endpoint: &str, of: &Reason, author: &Author<'_>) -> Result<Updated, Error> {
        let promote = |alias: &mut Alias| -> Result<String, Refused> {
            Ok(because(alias.promote()?, of.reason.as_deref()))
        };
        self.change_alias(endpoint, &of.alias, author, promote)
    }

    /// Ends a rollout: everything as it was before.
    ///
    /// # Errors
    /// No such endpoint or alias, no rollout under way, or the store failed.
    pub fn abort(&self, endpoint: &str, of: &Reason, author: &Author<'_>) -> Result<Updated, Error> {
        let why = of.reason.as_deref().unwrap_or(BY_HAND);
        self.change_alias(endpoint, &of.alias, author, |alias| alias.abort(why))
    }

    /// Goes back to who answered before the last deployment or change of traffic; aborts a rollout that is under way.
    ///
    /// # Errors
    /// No such endpoint or alias, nothing to go back to, a version that was rejected or removed since, or the store failed.
    pub fn roll_back(&self, endpoint: &str, of: &Reason, author: &Author<'_>) -> Result<Updated, Error> {
        let why = of.reason.as_deref().unwrap_or(BY_HAND);
        self.change_alias(endpoint, &of.alias, author, |alias| alias.roll_back(why))
    }

    fn change_alias(
        &self,
        endpoint: &str,
        alias: &str,
        author: &Author<'_>,
        change: impl Fn(&mut Alias) -> Result<String, Refused>,
    ) -> Result<Updated, Error> {
        self.endpoints.update(endpoint, author, None, |endpoint| {
            let name = endpoint.name.clone();
            let approved_only = endpoint.config.approved_only;
            let moving = alias_mut(endpoint, alias)?;
            let answered = moving.variants.clone();
            let why = change(moving).map_err(|refused| explain(&name, refused))?;
            // Since it answered last, a version may have been rejected, or removed.
            for back in &moving.variants {
                if !answered.iter().any(|variant| variant.reference() == back.reference()) {
                    may_be_deployed(&self.models.version(&back.model, back.version)?, approved_only)?;
                }
            }
            Ok(Some(Edit { alias: Some(alias.to_owned()), why }))
        })
    }

    /// Changes how an endpoint is served. One that is not there yet is made if the settings say which models it serves
    /// (`multi-model`).
    ///
    /// # Errors
    /// No such endpoint, settings that cannot be or may not be changed so (`Forbidden`), or the store failed.
    pub fn configure(&self, name: &str, settings: &Settings, author: &Author<'_>) -> Result<Updated, Error> {
        if let Some(prefix) = settings.multi_model()
            && self.endpoints.find(name)?.is_none()
        {
            return self.create_multi_model(name, prefix, settings, author);
        }
        self.endpoints.update(name, author, None, |endpoint| {
            let before = endpoint.config.clone();
            configure(name, settings, author, &mut endpoint.config)?;
            let same = before == endpoint.config;
            Ok((!same).then(|| Edit { alias: None, why: "configured".to_owned() }))
        })
    }

    /// Removes an alias; `live` stays.
    ///
    /// # Errors
    /// No such endpoint or alias, it is `live`, or the store failed.
    pub fn remove_alias(&self, endpoint: &str, alias: &str, author: &Author<'_>) -> Result<Updated, Error> {
        self.endpoints.update(endpoint, author, None, |endpoint| {
            alias_mut(endpoint, alias)?;
            if alias == LIVE {
                return Err(Error::Refused(format!(
                    "requests go through alias `{LIVE}`; remove the endpoint as a whole: \
                     `millstream endpoints rm {}`",
                    endpoint.name
                )));
            }
            endpoint.aliases.remove(alias);
            Ok(Some(Edit { alias: Some(alias.to_owned()), why: format!("removed alias {alias}") }))
        })
    }

    /// Makes an endpoint that serves any registered model whose name begins with `prefix`, as each request says.
    fn create_multi_model(
        &self,
        endpoint: &str,
        prefix: &str,
        settings: &Settings,
        author: &Author<'_>,
    ) -> Result<Updated, Error> {
        let mut config = Config::default();
        settings.apply(&mut config);
        let why = format!("created for the models {prefix}*");
        self.endpoints.create(endpoint, Alias::default(), config, author, &why)
    }
}

/// Makes the wanted changes of the configuration, if the author may make them.
fn configure(name: &str, settings: &Settings, author: &Author<'_>, config: &mut Config) -> Result<(), Error> {
    let approved_only = config.approved_only;
    settings.apply(config);
    if approved_only && !config.approved_only && !author.admin {
        return Err(Error::Forbidden(format!(
            "endpoint `{name}` takes approved versions only, and only an administrator may change that: with an `admin` key, or \
             by `millstream deploy {name} --approved-only=false`"
        )));
    }
    Ok(())
}

/// What was done, with the reason if one was given.
pub(crate) fn because(what: String, reason: Option<&str>) -> String {
    match reason {
        Some(reason) => format!("{what}: {reason}"),
        None => what,
    }
}

/// Whether a version may be deployed.
pub(crate) fn may_be_deployed(version: &ModelVersion, approved_only: bool) -> Result<(), Error> {
    let (name, number) = (&version.name, version.version);
    match version.approval_status {
        ApprovalStatus::Rejected => Err(Error::Refused(format!(
            "{name}@{number} is rejected; `millstream models approve {name} {number}` changes that"
        ))),
        ApprovalStatus::PendingManualApproval if approved_only => Err(Error::Refused(format!(
            "{name}@{number} is not approved, and the endpoint takes approved versions only; \
             `millstream models approve {name} {number}` changes that"
        ))),
        _ => Ok(()),
    }
}

/// The variant that a version becomes.
pub(crate) fn variant(version: &ModelVersion, name: Option<&str>) -> Result<Variant, Error> {
    let usual = Variant::of(&version.name, version.version);
    let name = name.map_or(usual.name.clone(), str::to_owned);
    names::check_variant(&name).map_err(Error::Invalid)?;
    Ok(Variant { name, ..usual })
}

fn move_to(
    wish: &Deploy,
    alias: &mut Alias,
    to: &Variant,
    author: &Author<'_>,
    revision: u64,
) -> Result<Moved, Refused> {
    let rollout = (format!("r{revision}"), author.who.to_owned());
    alias.deploy(to.clone(), &wish.rollout, rollout, wish.replace, author.at)
}

fn alias_of(name: &str) -> impl Fn(&Endpoint) -> Alias {
    move |endpoint| endpoint.aliases.get(name).cloned().unwrap_or_default()
}

/// An alias of an endpoint, or which there are.
pub(crate) fn alias_mut<'e>(endpoint: &'e mut Endpoint, alias: &str) -> Result<&'e mut Alias, Error> {
    if !endpoint.aliases.contains_key(alias) {
        let help = nearest::or_all(alias, endpoint.aliases.keys().map(String::as_str), "aliases");
        return Err(Error::NotFound(format!("endpoint `{}` has no alias `{alias}`; {help}", endpoint.name)));
    }
    Ok(endpoint.aliases.entry(alias.to_owned()).or_default())
}

pub(crate) fn explain(endpoint: &str, refused: Refused) -> Error {
    let text = match &refused {
        Refused::UnderWay { .. } => format!(
            "endpoint `{endpoint}`: {refused} (`millstream rollout {endpoint} promote` or `abort`; \
             `deploy --replace` ends it too)"
        ),
        _ => format!("endpoint `{endpoint}`: {refused}"),
    };
    match refused {
        Refused::NameTaken { .. } | Refused::Invalid(_) => Error::Invalid(text),
        _ => Error::Refused(text),
    }
}

fn deployed(updated: Updated, version: ModelVersion, moved: Option<Moved>, created: bool) -> Deployed {
    let created = created && updated.repeated.is_none();
    Deployed {
        endpoint: updated.endpoint,
        version,
        moved,
        created,
        change: updated.change.or(updated.repeated),
    }
}
